package llada.experiments;

import java.util.Arrays;
import java.util.SplittableRandom;
import llada.kernel.scalar.GumbelMax;

/**
 * What arg max of ln p + Gumbel noise draws if the uniform numbers behind the noise have few bits:
 * they are multiples of a = 2^-bits, the largest is 1 - a, so noise ends at -ln(-ln(1 - a)), 16.64
 * for the 24 bits of float32, and unlikely tokens are drawn too rarely.
 *
 * <p>With u = 1 - k a and z = -ln u a token is drawn if z / p is the least. So its probability is
 * the sum over k of a exp(-L(z / p)), where exp(-L(y)) is the probability that all others are above
 * y: each is so with 1 - a floor((1 - exp(-y p)) / a). L is tabled, and the sum is taken term by
 * term where terms differ, then by blocks.
 */
final class CoarseGumbel {
  private static final double MOST = 40; // e^-40 is nothing
  private static final int POINTS = 2000;
  private static final int TERMS = 64;

  private CoarseGumbel() {}

  /** p of rank r is proportional to 1 / r. */
  static double[] zipf(int tokens) {
    double[] p = new double[tokens];
    Arrays.setAll(p, i -> 1.0 / (i + 1));
    double sum = Arrays.stream(p).sum();
    Arrays.setAll(p, i -> p[i] / sum);
    return p;
  }

  /** The same with a mask before the tokens, to which {@code 1 - revealed} falls. */
  static double[] withMask(double[] p, double revealed) {
    double[] all = new double[p.length + 1];
    all[0] = 1 - revealed;
    for (int i = 0; i < p.length; i++) {
      all[i + 1] = revealed * p[i];
    }
    return all;
  }

  /**
   * The probability with which each is drawn.
   *
   * @param p descending, of sum 1
   */
  static double[] drawn(double[] p, int bits) {
    double a = Math.scalb(1.0, -bits);
    double from = Math.log(a);
    double step = (Math.log(MOST / p[p.length - 1]) - from) / POINTS;
    double[] table = new double[POINTS + 2];
    for (int i = 0; i < table.length; i++) {
      table[i] = allAbove(p, a, Math.exp(from + i * step));
    }
    double[] drawn = new double[p.length];
    for (int v = 0; v < p.length; v++) {
      double k = 1;
      double width = 1;
      while (k * a < 1) {
        double z = -Math.log1p(-k * a);
        double at = Math.max(0, (Math.log(z / p[v]) - from) / step);
        int i = (int) Math.min(POINTS, at);
        double others = table[i] + (at - i) * (table[i + 1] - table[i]) - z;
        if (others > MOST) {
          break;
        }
        drawn[v] += width * a * Math.exp(-others);
        double next = k < TERMS ? 1 : Math.floor(k / TERMS);
        k += (width + next) / 2; // from the middle of a block to that of the next
        width = next;
      }
    }
    double sum = Arrays.stream(drawn).sum(); // 1, but for the table and the blocks
    Arrays.setAll(drawn, v -> drawn[v] / sum);
    return drawn;
  }

  /** -ln of the probability that z / p of all is above y. */
  private static double allAbove(double[] p, double a, double y) {
    double sum = 0;
    for (double one : p) {
      double x = y * one;
      if (x < a) {
        break; // nor is any that is less likely
      }
      // Where steps are fine the floor takes half of one off.
      sum += x > 1000 * a && x < 1 ? x - a / 2 : -Math.log1p(-a * Math.floor(-Math.expm1(-x) / a));
      if (sum > MOST * 4) {
        return MOST * 4;
      }
    }
    return sum;
  }

  /** How often each is drawn, by drawing. */
  static int[] counts(double[] p, int bits, int draws, SplittableRandom random) {
    double[] log = Arrays.stream(p).map(Math::log).toArray();
    int[] counts = new int[p.length];
    for (int d = 0; d < draws; d++) {
      int best = 0;
      double most = Double.NEGATIVE_INFINITY;
      for (int v = 0; v < log.length; v++) {
        double u = Math.scalb((double) (random.nextLong() >>> 64 - bits), -bits);
        double value = u == 0 ? Double.NEGATIVE_INFINITY : GumbelMax.noised(log[v], 1, u);
        if (value > most) {
          most = value;
          best = v;
        }
      }
      counts[best]++;
    }
    return counts;
  }

  /** -sum p ln p of the tokens from an index, given that one of them is drawn. */
  static double entropy(double[] p, int from) {
    double all = Arrays.stream(p, from, p.length).sum();
    return -Arrays.stream(p, from, p.length)
        .filter(v -> v > 0)
        .map(v -> v / all * Math.log(v / all))
        .sum();
  }

  /** The share of the rarer half of the tokens from an index, given that one of them is drawn. */
  static double rareHalf(double[] p, int from) {
    int middle = from + (p.length - from) / 2;
    return Arrays.stream(p, middle, p.length).sum() / Arrays.stream(p, from, p.length).sum();
  }

  /** Half the sum of |p - q|. */
  static double totalVariation(double[] p, double[] q) {
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      sum += Math.abs(p[i] - q[i]) / 2;
    }
    return sum;
  }
}
