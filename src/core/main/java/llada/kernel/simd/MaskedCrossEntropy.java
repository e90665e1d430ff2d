package llada.kernel.simd;

import java.lang.foreign.Arena;
import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.MaskedCrossEntropy} together with the head, forward and backward, for
 * some rows at a time: their logits are multiplied, turned into their own gradients in place, and
 * multiplied with the head and the hidden rows. Where the reference walks twice over the vocabulary
 * and computes each logit again, this computes it once; memory is bounded by the number of logits
 * of a step instead, whatever the number of rows.
 */
final class MaskedCrossEntropy implements AutoCloseable {
  /** Logits at a time, 16 MB, unless the rows would be too few for a matrix product. */
  private static final int LOGITS = 4 << 20;

  private static final int LEAST_ROWS = 128;

  private Arena arena; // of the logits
  private Tensor logits;

  /**
   * Computes loss and gradients.
   *
   * @param kernels for the matrix products
   * @param vocabulary one for each worker
   */
  void backward(
      double[] losses,
      Tensor dHidden,
      Tensor dHead,
      Tensor hidden,
      Tensor head,
      int[] targets,
      double[] weights,
      Kernels kernels,
      Parallel parallel,
      SoftmaxStatistics[] vocabulary) {
    llada.kernel.scalar.MaskedCrossEntropy.checkBackward(
        losses, dHidden, dHead, hidden, head, targets, weights);
    int v = head.dim(0);
    int step = Math.max(LEAST_ROWS, LOGITS / v);
    for (int from = 0; from < targets.length; from += step) {
      int first = from;
      int count = Math.min(step, targets.length - first);
      Tensor l = logits(count, v);
      Tensor h = hidden.rows(first, count);
      kernels.matmul(l, h, head);
      parallel.forEach(
          count,
          (r, worker) -> {
            int row = first + r;
            losses[row] =
                weights[row]
                    * vocabulary[worker].crossEntropyBackward(l, r, targets[row], weights[row]);
          });
      kernels.matmulBackwardInput(dHidden.rows(first, count), l, head);
      if (llada.kernel.scalar.MaskedCrossEntropy.trains(dHead)) {
        kernels.matmulBackwardWeight(dHead, l, h);
      }
    }
  }

  private Tensor logits(int rows, int v) {
    if (logits == null || logits.dim(1) != v || logits.dim(0) < rows) {
      close();
      arena = Arena.ofShared();
      logits = Tensor.allocate(arena, DType.F32, rows, v);
    }
    return logits.rows(rows);
  }

  @Override
  public void close() {
    if (arena != null) {
      arena.close();
    }
    arena = null;
    logits = null;
  }
}
