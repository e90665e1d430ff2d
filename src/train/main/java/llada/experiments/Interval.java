package llada.experiments;

import java.util.Locale;

/**
 * A mean over seeds with its 95 % interval by Student's t.
 *
 * @param mean of the values
 * @param half half of the interval's width; NaN for a single value
 * @param count of values
 */
public record Interval(double mean, double half, int count) {
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
    return new Interval(
        mean, n == 1 ? Double.NaN : quantile(n - 1) * Math.sqrt(squares / (n - 1) / n), n);
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

  /** Lower end; the mean itself for a single value. */
  public double low() {
    return Double.isNaN(half) ? mean : mean - half;
  }

  /** Upper end; the mean itself for a single value. */
  public double high() {
    return Double.isNaN(half) ? mean : mean + half;
  }

  /** Whether all of it lies below all of the other. */
  public boolean below(Interval other) {
    return high() < other.low();
  }

  /** As mean ± half, with three significant digits of the mean. */
  @Override
  public String toString() {
    return text(1, "");
  }

  /** As a percentage. */
  public String percent() {
    return text(100, " %");
  }

  private String text(double scale, String unit) {
    double size = Math.abs(mean * scale);
    int digits = size == 0 ? 0 : (int) Math.max(0, 2 - Math.floor(Math.log10(size)));
    String format = "%." + Math.min(4, unit.isEmpty() ? digits : 1) + "f";
    String value = String.format(Locale.ROOT, format, mean * scale);
    return Double.isNaN(half)
        ? value + unit
        : value + " ± " + String.format(Locale.ROOT, format, half * scale) + unit;
  }
}
