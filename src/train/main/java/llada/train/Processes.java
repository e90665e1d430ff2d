package llada.train;

import java.lang.foreign.MemorySegment;
import java.util.ServiceLoader;
import java.util.function.Supplier;

/**
 * The processes of one command, on one machine or many.
 *
 * <p>Those that train one model together (data parallelism) compute the gradients of a part of
 * every batch each, add them up, and all make the same step with the sum. So their weights stay
 * equal without being sent, and are those of one process to rounding: only the order of the sums
 * differs. Each step sends 4 bytes for each number that is trained, and 48 for the loss and its
 * parts ({@link LossByNoise}). Items of a file are dealt one by one ({@link
 * llada.evaluation.ItemLoop.Share}).
 */
public interface Processes extends AutoCloseable {
  /** One process, which is the first. */
  Processes ALONE =
      new Processes() {
        @Override
        public int rank() {
          return 0;
        }

        @Override
        public int size() {
          return 1;
        }

        @Override
        public void sum(MemorySegment floats) {}

        @Override
        public double sum(double value) {
          return value;
        }

        @Override
        public void barrier() {}

        @Override
        public void close() {}
      };

  /** Finds out whether the process was started as one of several; a service of other modules. */
  interface Launcher {
    /**
     * Joins the others, or gives null if there are none.
     *
     * @throws llada.backend.BackendException if there are, but they cannot be reached
     */
    Processes join();
  }

  /** The processes that this one was started with; {@link #ALONE} if there are no others. */
  static Processes join() {
    for (Launcher launcher : ServiceLoader.load(Launcher.class)) {
      Processes joined = launcher.join();
      if (joined != null) {
        return joined;
      }
    }
    return ALONE;
  }

  /** This process's number, from 0; process 0 writes the files and speaks. */
  int rank();

  /** How many there are. */
  int size();

  /**
   * Replaces numbers by their sums over all processes, the same bits in each.
   *
   * @param floats native memory, float32 in the machine's byte order; as long in every process
   */
  void sum(MemorySegment floats);

  /** The sum over all processes of one number. */
  double sum(double value);

  /** Waits until every process is here. */
  void barrier();

  /** Where a process's part of so many things begins; that of the one behind is where it ends. */
  default int share(int things, int rank) {
    return Math.toIntExact((long) things * rank / size());
  }

  /** Whether this process writes the files and speaks. */
  default boolean first() {
    return rank() == 0;
  }

  /** Does in the first process what leaves something on the disk, then in the others. */
  default <T> T firstThenOthers(Supplier<T> action) {
    if (first()) {
      T result = action.get();
      barrier();
      return result;
    }
    barrier();
    return action.get();
  }

  /** Leaves: the last call. */
  @Override
  void close();
}
