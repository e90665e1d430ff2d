package llada.kernel.scalar;

import java.util.OptionalLong;
import llada.tensor.RandomStreams;
import llada.tensor.Tensor;

/**
 * Sampling from a softmax as an arg max (Gumbel 1954; Maddison et al. 2014): the token with the
 * largest l + T g, where each g = -ln(-ln u) is Gumbel noise, is distributed as softmax(l / T).
 *
 * <p>All of it in double: with float32 noise the samples come from a visibly different distribution
 * (Zheng et al. 2024, arXiv 2409.02908). The published form exp(l) / (-ln u)^T has the same order
 * and overflows above l = 709.
 */
public final class GumbelMax {
  private GumbelMax() {}

  /** Where the uniform numbers come from. Called from several threads at once. */
  @FunctionalInterface
  public interface Noise {
    /**
     * Uniform numbers in (0, 1) for consecutive tokens.
     *
     * @param u receives {@code count} numbers from index 0
     * @param row which row of the logits
     * @param firstId token of the first number
     */
    void fill(double[] u, int row, int firstId, int count);

    /**
     * The key of a row whose numbers are u[id] = {@link #uniform}(key + id + 1), so that a device
     * can draw them itself; empty if they come from elsewhere.
     */
    default OptionalLong key(int row) {
      return OptionalLong.empty();
    }

    /**
     * The number in (0, 1) of a key: 52 bits of {@link RandomStreams#mix}, moved by half a step so
     * that neither 0 nor 1 occurs. With 53 bits the half would be rounded away, and the largest
     * number be 1.
     */
    static double uniform(long key) {
      return ((RandomStreams.mix(key) >>> 12) + 0.5) * 0x1.0p-52;
    }
  }

  /**
   * tokens[r] = argmax_v logits[r, v] - T ln(-ln u[r, v]); the lowest id of equals.
   *
   * @param tokens at least R, the first R overwritten
   * @param logits (R, V), finite
   * @param exclusions ids that cannot be chosen
   * @param temperature T, above 0
   * @param noise u; not necessarily asked for tokens that cannot win
   */
  public static void forward(
      int[] tokens, Tensor logits, Exclusions exclusions, double temperature, Noise noise) {
    check(tokens, logits, exclusions, temperature);
    int v = logits.dim(1);
    double[] u = new double[v];
    for (int r = 0; r < logits.dim(0); r++) {
      noise.fill(u, r, 0, v);
      int best = -1;
      double bestValue = 0;
      for (int id = 0; id < v; id++) {
        double value = noised(logits.get((long) r * v + id), temperature, u[id]);
        if (exclusions.choosable(id) && (best < 0 || value > bestValue)) {
          best = id;
          bestValue = value;
        }
      }
      tokens[r] = best;
    }
  }

  /** The logit with its noise. */
  public static double noised(double logit, double temperature, double u) {
    return logit - temperature * Math.log(-Math.log(u));
  }

  /** The tokens fit, and the exclusions leave something to choose from. */
  public static void check(int[] tokens, Tensor logits, Exclusions exclusions, double temperature) {
    Require.rank2("gumbel_max", "logits", logits);
    Require.matrix("gumbel_max", "logits", logits, logits.shape().dim(0), logits.shape().dim(1));
    if (logits.shape().dim(0) > tokens.length) {
      throw new IllegalArgumentException(
          "gumbel_max: logits are %s but there is room for %d tokens"
              .formatted(logits.shape(), tokens.length));
    }
    if (!(temperature > 0)) {
      throw new IllegalArgumentException(
          "gumbel_max: temperature is %s; it must be above 0, and 0 is an arg max"
              .formatted(temperature));
    }
    exclusions.check("gumbel_max", logits.dim(1));
  }
}
