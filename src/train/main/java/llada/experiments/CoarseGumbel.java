package llada.experiments;

import java.util.Arrays;
import java.util.SplittableRandom;
import llada.kernel.scalar.GumbelMax;

/**
 * What arg max of ln p + Gumbel noise draws if the uniform numbers behind the noise have few bits:
 * the largest below 1 is 1 - 2^-bits, so noise ends at -ln(-ln(1 - 2^-bits)), 16.64 for the 24 bits
 * of float32, and unlikely tokens are drawn too rarely.
 *
 * <p>In closed form: with z = e^-x, noise of a token with probability p reaches x only if z is at
 * least e / p, where e = -ln(1 - 2^-bits). Given that the winner is at x, all that can reach it
 * stay below with probability exp(-z C), C being the sum of their p. So a token is drawn with
 * probability p times the integral of exp(-z C(z)) from e / p, in which C is constant between two
 * tokens; and the largest number itself comes with probability 2^-bits.
 */
final class CoarseGumbel {
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
    int n = p.length;
    double atom = Math.scalb(1.0, -bits);
    double e = -Math.log1p(-atom);
    double[] sums = new double[n];
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += p[i];
      sums[i] = sum;
    }
    double[] drawn = new double[n];
    double integral = 0;
    for (int k = n - 1; k >= 0; k--) {
      double from = Math.exp(-e / p[k] * sums[k]);
      double to = k == n - 1 ? 0 : Math.exp(-e / p[k + 1] * sums[k]);
      integral += (from - to) / sums[k];
      double above = k == 0 ? 0 : sums[k - 1];
      drawn[k] = p[k] * integral + atom * Math.exp(-e / p[k] * above);
    }
    return drawn;
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
