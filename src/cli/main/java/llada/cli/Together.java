package llada.cli;

import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import llada.train.Processes;

/** One command in all the processes that mpirun started, or in this one alone. */
final class Together {
  private static final long SILENCE_NANOS = 5_000_000_000L;

  private Together() {}

  /**
   * Does a command's work in each process. What fails in one ends all, and one of them says why.
   *
   * @return the exit code
   */
  static int run(Consumer<Processes> work) {
    Processes processes = Processes.join();
    try {
      work.accept(processes);
    } catch (RuntimeException | Error e) {
      if (!processes.first()) {
        // The first process has most likely met the same: it speaks, and then ends this one.
        LockSupport.parkNanos(SILENCE_NANOS);
      }
      throw e;
    }
    processes.close(); // only at a good end: a process that fails is to take the others with it
    return ExitCodes.OK;
  }
}
