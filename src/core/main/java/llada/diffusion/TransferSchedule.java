package llada.diffusion;

/**
 * How many tokens each step reveals. LLaDA's noise schedule is linear, so every step has the same
 * expected share; what does not divide goes to the first steps, one each.
 */
public final class TransferSchedule {
  private TransferSchedule() {}

  /**
   * Splits {@code masked} positions over {@code steps} steps.
   *
   * @return (steps) counts that sum to {@code masked}, none differing by more than one
   */
  public static int[] counts(int masked, int steps) {
    if (masked < 0 || steps < 1) {
      throw new IllegalArgumentException(
          "%d masked positions in %d steps: at least one step is needed".formatted(masked, steps));
    }
    int[] counts = new int[steps];
    for (int i = 0; i < steps; i++) {
      counts[i] = masked / steps + (i < masked % steps ? 1 : 0);
    }
    return counts;
  }
}
