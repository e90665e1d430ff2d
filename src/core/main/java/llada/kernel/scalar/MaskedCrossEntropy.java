package llada.kernel.scalar;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * The terms of LLaDA's objective (eq. 3): the cross-entropy of what was masked, weighted by how
 * little was. Their sum over B * T is the training loss, the mean over noise levels bounds the
 * negative log-likelihood.
 */
public final class MaskedCrossEntropy {
  /** Takes the place of a head's gradient that nobody wants, since the head is not trained. */
  public static final Tensor NOT_TRAINED = Tensor.of(DType.F32, Shape.of(0), MemorySegment.NULL);

  private static final String BACKWARD = "masked_cross_entropy backward";

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

  /**
   * Loss and gradient in one, together with the head whose logits are logits = hidden head^T. With
   * p = softmax(logits[r]):
   *
   * <pre>
   *   losses[r]     = weights[r] * -ln p[targets[r]]
   *   dLogits[r, v] = weights[r] * (p[v] - [v = targets[r]])
   *   dHidden[r, i] = sum_v dLogits[r, v] * head[v, i]
   *   dHead[v, i]  += sum_r dLogits[r, v] * hidden[r, i]
   * </pre>
   *
   * The logits are never stored: a first walk over the vocabulary gives the sum of exponentials of
   * each row, a second one computes each logit again and passes its gradient on. So memory does not
   * grow with R times V, which for 8 sequences of 4096 tokens would be 16 GB.
   *
   * @param losses (R), overwritten, as in {@link #forward}
   * @param dHidden (R, C), overwritten
   * @param dHead (V, C) float32, accumulates; {@link #NOT_TRAINED} for none
   * @param hidden (R, C), what the head reads at the masked positions
   * @param head (V, C), any type
   * @param targets (R), each from 0 to V - 1
   * @param weights (R)
   */
  public static void backward(
      double[] losses,
      Tensor dHidden,
      Tensor dHead,
      Tensor hidden,
      Tensor head,
      int[] targets,
      double[] weights) {
    checkBackward(losses, dHidden, dHead, hidden, head, targets, weights);
    int c = head.dim(1);
    float[] max = new float[targets.length];
    double[] sum = new double[targets.length];
    float[] row = new float[c];
    Arrays.fill(max, Float.NEGATIVE_INFINITY);
    for (int v = 0; v < head.dim(0); v++) {
      head.dtype().decode(head.data(), (long) v * c, row, 0, c);
      for (int r = 0; r < targets.length; r++) {
        float logit = logit(hidden, r, row);
        if (logit > max[r]) {
          sum[r] *= Math.exp((double) max[r] - logit);
          max[r] = logit;
        }
        sum[r] += Math.exp((double) logit - max[r]);
        if (v == targets[r]) {
          losses[r] = logit; // until the sum is known
        }
      }
    }
    for (int r = 0; r < targets.length; r++) {
      losses[r] = weights[r] * (max[r] - losses[r] + Math.log(sum[r]));
    }
    dHidden.data().fill((byte) 0);
    for (int v = 0; v < head.dim(0); v++) {
      head.dtype().decode(head.data(), (long) v * c, row, 0, c);
      for (int r = 0; r < targets.length; r++) {
        double p = Math.exp((double) logit(hidden, r, row) - max[r]) / sum[r];
        float d = (float) (weights[r] * (v == targets[r] ? p - 1 : p));
        for (int i = 0; i < c; i++) {
          long of = (long) r * c + i;
          long at = (long) v * c + i;
          dHidden.set(of, dHidden.get(of) + d * row[i]);
          if (trains(dHead)) {
            dHead.set(at, dHead.get(at) + d * hidden.get(of));
          }
        }
      }
    }
  }

  private static float logit(Tensor hidden, int r, float[] row) {
    float sum = 0;
    for (int i = 0; i < row.length; i++) {
      sum += hidden.get((long) r * row.length + i) * row[i];
    }
    return sum;
  }

  /** Whether the head's gradient is wanted. */
  @SuppressWarnings("ReferenceEquality") // it is the one that stands for none
  public static boolean trains(Tensor dHead) {
    return dHead != NOT_TRAINED;
  }

  /** The shapes agree, and targets, weights and losses are as in {@link #check}. */
  public static void checkBackward(
      double[] losses,
      Tensor dHidden,
      Tensor dHead,
      Tensor hidden,
      Tensor head,
      int[] targets,
      double[] weights) {
    Require.rank2(BACKWARD, "head", head);
    long c = head.shape().dim(1);
    Require.matrix(BACKWARD, "hidden", hidden, targets.length, c);
    Require.matrix(BACKWARD, "dHidden", dHidden, targets.length, c);
    if (trains(dHead)) {
      Require.matrix(BACKWARD, "dHead", dHead, head.shape().dim(0), c);
    }
    checkRows(losses, targets, weights, head.shape().dim(0));
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
    checkRows(losses, targets, weights, logits.shape().dim(1));
  }

  private static void checkRows(double[] losses, int[] targets, double[] weights, long vocabulary) {
    if (weights.length != targets.length || losses.length != targets.length) {
      throw new IllegalArgumentException(
          "masked_cross_entropy: %d targets, %d weights and room for %d losses: they must be as many"
              .formatted(targets.length, weights.length, losses.length));
    }
    for (int r = 0; r < targets.length; r++) {
      if (targets[r] < 0 || targets[r] >= vocabulary) {
        throw new IllegalArgumentException(
            "masked_cross_entropy: target %d of row %d is not among the %d tokens of the vocabulary"
                .formatted(targets[r], r, vocabulary));
      }
    }
  }
}
