package llada.converter;

/** Hears how far a job is. */
@FunctionalInterface
public interface Progress {
  /** Tells nobody. */
  Progress NONE = bytes -> {};

  /**
   * Called by one thread at a time.
   *
   * @param bytes of input that were dealt with since the last call
   */
  void read(long bytes);
}
