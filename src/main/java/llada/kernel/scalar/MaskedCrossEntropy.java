package llada.kernel.scalar;

import llada.tensor.Tensor;

/**
 * The terms of LLaDA's objective (eq. 3): the cross-entropy of what was masked, weighted by how
 * little was. Their sum over B * T is the training loss, the mean over noise levels bounds the
 * negative log-likelihood.
 */
public final class MaskedCrossEntropy {
  private MaskedCrossEntropy() {}

  /**
   * losses[r] = weights[r] * (ln sum_v exp(logits[r, v]) - logits[r, targets[r]]), in double.
   *
   * <p>A NaN or +infinity among the logits of a row makes its loss NaN; a target of minus infinity
   * makes it infinite.
   *
   * @param losses (R), overwritten
   * @param logits (R, V), of the masked positions
   * @param targets (R), the tokens that were masked, each from 0 to V - 1
   * @param weights (R), 1 / p_mask of each position's sequence
   */
  public static void forward(double[] losses, Tensor logits, int[] targets, double[] weights) {
    check(losses, logits, targets, weights);
    for (int r = 0; r < targets.length; r++) {
      losses[r] = weights[r] * crossEntropy(logits, r, targets[r]);
    }
  }

  /** -ln p of a token in the softmax of a row, in nats. */
  public static double crossEntropy(Tensor logits, int row, int target) {
    int v = logits.dim(1);
    long start = (long) row * v;
    double max = Double.NEGATIVE_INFINITY;
    for (int id = 0; id < v; id++) {
      max = Math.max(max, logits.get(start + id));
    }
    double sum = 0;
    for (int id = 0; id < v; id++) {
      sum += Math.exp(logits.get(start + id) - max);
    }
    return max - logits.get(start + target) + Math.log(sum);
  }

  /** One target, weight and loss a row, and every target is in the vocabulary. */
  public static void check(double[] losses, Tensor logits, int[] targets, double[] weights) {
    Require.rank2("masked_cross_entropy", "logits", logits);
    Require.matrix("masked_cross_entropy", "logits", logits, targets.length, logits.shape().dim(1));
    if (weights.length != targets.length || losses.length != targets.length) {
      throw new IllegalArgumentException(
          "masked_cross_entropy: %d targets, %d weights and room for %d losses: they must be as many"
              .formatted(targets.length, weights.length, losses.length));
    }
    for (int r = 0; r < targets.length; r++) {
      if (targets[r] < 0 || targets[r] >= logits.shape().dim(1)) {
        throw new IllegalArgumentException(
            "masked_cross_entropy: target %d of row %d is not among the %d tokens of the vocabulary"
                .formatted(targets[r], r, logits.shape().dim(1)));
      }
    }
  }
}
