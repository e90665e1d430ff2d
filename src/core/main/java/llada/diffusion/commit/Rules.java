package llada.diffusion.commit;

/** What several rules ask. */
final class Rules {
  private Rules() {}

  /** Whether a proposal's confidence exceeds {@code tau}; never for one to be committed last. */
  static boolean sure(Candidates candidates, int i, double tau) {
    return candidates.confidence()[i] > tau && candidates.score()[i] != Double.NEGATIVE_INFINITY;
  }

  static void within(String what, double value, double least, double most) {
    if (!(value >= least && value <= most)) {
      throw new IllegalArgumentException(
          "%s is %s; it must be from %s to %s".formatted(what, value, least, most));
    }
  }

  static void positive(String what, double value) {
    if (!(value > 0 && Double.isFinite(value))) {
      throw new IllegalArgumentException("%s is %s; it must be positive".formatted(what, value));
    }
  }
}
