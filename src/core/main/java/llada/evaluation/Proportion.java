package llada.evaluation;

/**
 * A share that was counted, such as an accuracy.
 *
 * @param successes of {@code trials}
 * @param trials independent ones
 */
public record Proportion(long successes, long trials) {
  /** The 97.5 % quantile of the normal distribution: intervals hold 95 %. */
  private static final double Z = 1.959963984540054;

  /**
   * Checks the counts.
   *
   * @throws IllegalArgumentException if there are more successes than trials, or fewer than none
   */
  public Proportion {
    if (successes < 0 || successes > trials) {
      throw new IllegalArgumentException(
          "%d successes of %d trials: from 0 to all of them are possible"
              .formatted(successes, trials));
    }
  }

  /** The share; NaN without trials. */
  public double value() {
    return (double) successes / trials;
  }

  /** Lower end of the 95 % interval of Wilson (1927), which is sound for few trials too. */
  public double low() {
    return successes == 0 ? 0 : centre() - half();
  }

  /** Upper end of it. */
  public double high() {
    return successes == trials ? 1 : centre() + half();
  }

  private double centre() {
    return (successes + Z * Z / 2) / (trials + Z * Z);
  }

  private double half() {
    double p = value();
    double n = trials;
    return Z / (n + Z * Z) * Math.sqrt(n * p * (1 - p) + Z * Z / 4);
  }
}
