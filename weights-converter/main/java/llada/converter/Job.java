package llada.converter;

import java.nio.channels.ClosedByInterruptException;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import llada.api.RequestException;

/**
 * A job under way: tells a listener how far it is, and ends with a {@link CancellationException}
 * when the thread that asked for it is interrupted.
 */
final class Job {
  private final Thread owner = Thread.currentThread();
  private final Progress listener;
  private final long total;
  private long done;

  /** The work of the calling thread begins; {@code total} bytes are to be read. */
  Job(Progress listener, long total) {
    this.listener = listener;
    this.total = total;
    listener.at(0, total);
  }

  /** Some bytes are dealt with; for the thread that made the job. */
  void add(long bytes) {
    check();
    done += bytes;
    listener.at(done, total);
  }

  /** Throws if the job's thread is interrupted; for any thread. */
  void check() {
    if (owner.isInterrupted()) {
      throw new CancellationException("interrupted");
    }
  }

  /** Runs a whole job. An interrupt closes the file that is read or written; that is no fault. */
  static <T> T run(Supplier<T> work) {
    if (Thread.currentThread().isInterrupted()) {
      throw new CancellationException("interrupted");
    }
    try {
      return work.get();
    } catch (RuntimeException e) {
      for (Throwable cause = e; cause != null; cause = cause.getCause()) {
        if (cause instanceof ClosedByInterruptException) {
          throw (CancellationException) new CancellationException("interrupted").initCause(e);
        }
      }
      throw e;
    }
  }

  /** A setting that must be at least 1. */
  static void requirePositive(String name, long value) {
    if (value < 1) {
      throw new RequestException("%s is %d; it must be at least 1".formatted(name, value));
    }
  }
}
