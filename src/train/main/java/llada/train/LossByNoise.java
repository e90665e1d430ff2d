package llada.train;

import java.lang.foreign.Arena;
import java.util.Arrays;
import llada.diffusion.NoisyBatch;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * The mean cross-entropy of masked tokens, without weights, by how much of their sequences was
 * masked: it tells whether a model learns where little is masked, where much is, or both. There are
 * five ranges of p_mask, which is t but for eps.
 */
public final class LossByNoise {
  /** How many ranges there are. */
  public static final int RANGES = 5;

  private final double[] nats = new double[RANGES];
  private final double[] tokens = new double[RANGES];
  private final Tensor sums; // (2, RANGES), of all processes

  LossByNoise(Arena arena) {
    sums = Tensor.allocate(arena, DType.F32, 2, RANGES);
  }

  /**
   * Adds a batch that masks tokens; one that predicts the next token says nothing.
   *
   * @param losses (R) weighted
   */
  void add(NoisyBatch batch, double[] losses) {
    for (int r = 0; r < losses.length && !batch.causal(); r++) {
      float share = batch.pMask()[batch.rows()[r] / batch.xt().length()];
      int range = Math.min(RANGES - 1, (int) (share * RANGES));
      nats[range] += losses[r] / batch.weights()[r];
      tokens[range]++;
    }
  }

  /** The means of what was added in all processes, NaN where nothing was; begins anew. */
  double[] take(Processes processes) {
    for (int i = 0; i < RANGES; i++) {
      sums.set(i, (float) nats[i]);
      sums.set(RANGES + i, (float) tokens[i]);
    }
    processes.sum(sums.data());
    Arrays.fill(nats, 0);
    Arrays.fill(tokens, 0);
    double[] means = new double[RANGES];
    Arrays.setAll(means, i -> (double) sums.get(i) / sums.get(RANGES + i));
    return means;
  }
}
