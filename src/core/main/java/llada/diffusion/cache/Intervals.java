package llada.diffusion.cache;

/** Every so many steps. */
final class Intervals {
  private Intervals() {}

  /** Whether a refresh falls on this step; with 0 only on the first. */
  static boolean due(int step, int interval) {
    return interval == 0 ? step == 0 : step % interval == 0;
  }

  static void check(String what, int interval, int least) {
    if (interval < least) {
      throw new IllegalArgumentException(
          "%s is %d; it must be at least %d".formatted(what, interval, least));
    }
  }
}
