package llada.experiments;

import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import llada.evaluation.Proportion;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * A mean over seeds with its 95 % interval: by Student's t, or for shares one that stays between 0
 * and 1.
 *
 * @param mean of the values
 * @param low lower end; the mean itself for a single value
 * @param high upper end; the mean itself for a single value
 * @param count of values
 */
public record Interval(double mean, double low, double high, int count) {
  private static final int RESAMPLES = 10_000;

  /** 97.5 % quantiles of Student's t for 1 to 10 degrees of freedom. */
  private static final double[] QUANTILES = {
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281
  };

  private static final double NORMAL = 1.959964;

  /**
   * Of these values.
   *
   * @throws IllegalArgumentException if there are none
   */
  public static Interval of(double... values) {
    if (values.length == 0) {
      throw new IllegalArgumentException("no values: there is no mean");
    }
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    double mean = sum / values.length;
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    int n = values.length;
    double half = n == 1 ? 0 : quantile(n - 1) * Math.sqrt(squares / (n - 1) / n);
    return new Interval(mean, mean - half, mean + half, n);
  }

  /**
   * Of shares, one a seed: what both the percentile bootstrap over seeds and Wilson's interval of
   * all trials together cover. The first knows how seeds differ, the second that a share of a few
   * trials is coarse, even where all seeds agree.
   *
   * @param trials that all shares together were counted over
   */
  static Interval ofShares(double[] shares, long trials) {
    int n = shares.length;
    double mean = of(shares).mean;
    SplittableRandom random = RandomStreams.of(0, Purpose.EXPERIMENT_MEASURE);
    double[] means = new double[RESAMPLES];
    for (int r = 0; r < RESAMPLES; r++) {
      for (int i = 0; i < n; i++) {
        means[r] += shares[random.nextInt(n)] / n;
      }
    }
    Arrays.sort(means);
    Proportion all = new Proportion(Math.round(mean * trials), trials);
    return new Interval(
        mean,
        Math.max(0, Math.min(all.low(), means[RESAMPLES / 40])),
        Math.min(1, Math.max(all.high(), means[RESAMPLES - 1 - RESAMPLES / 40])),
        n);
  }

  /** The quantile; beyond the table by the expansion of Fisher and Cornish (1960). */
  static double quantile(int freedom) {
    if (freedom <= QUANTILES.length) {
      return QUANTILES[freedom - 1];
    }
    double z = NORMAL;
    double n = freedom;
    return z
        + (Math.pow(z, 3) + z) / (4 * n)
        + (5 * Math.pow(z, 5) + 16 * Math.pow(z, 3) + 3 * z) / (96 * n * n);
  }

  /** Half of its width; NaN if it has none. */
  public double half() {
    return low < high || count > 1 ? (high - low) / 2 : Double.NaN;
  }

  /** Whether all of it lies below all of the other. */
  public boolean below(Interval other) {
    return high() < other.low();
  }

  /**
   * As mean ± half, or with both ends where they are not as far; with three significant digits of
   * the mean.
   */
  @Override
  public String toString() {
    return text(1, "");
  }

  /** As a percentage. */
  public String percent() {
    return text(100, " %");
  }

  private String text(double scale, String unit) {
    double size = Math.max(Math.abs(mean), Math.max(Math.abs(low), Math.abs(high))) * scale;
    int digits = size == 0 ? 0 : (int) Math.max(0, 2 - Math.floor(Math.log10(size)));
    String format = "%." + Math.min(4, unit.isEmpty() ? digits : 1) + "f";
    String value = String.format(Locale.ROOT, format, mean * scale);
    if (Double.isNaN(half())) {
      return value + unit;
    }
    return Math.abs(high - mean - (mean - low)) > 1e-9
        ? value
            + String.format(
                Locale.ROOT, " (" + format + " to " + format + ")", low * scale, high * scale)
            + unit
        : value + " ± " + String.format(Locale.ROOT, format, half() * scale) + unit;
  }
}
