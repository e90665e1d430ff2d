package llada.converter;

/**
 * Hears how far a job is. It is called by the thread that asked for the job: once with 0 when the
 * work begins, then after every piece. What it throws ends the job like any other failure.
 */
@FunctionalInterface
public interface Progress {
  /** Tells nobody. */
  Progress NONE = (done, total) -> {};

  /**
   * Hears of a piece of work.
   *
   * @param done bytes of the input that are dealt with
   * @param total bytes of the input
   */
  void at(long done, long total);
}
