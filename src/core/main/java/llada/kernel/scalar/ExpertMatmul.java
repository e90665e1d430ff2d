package llada.kernel.scalar;

import java.util.List;
import llada.tensor.Tensor;

/**
 * The matrix products of a mixture of experts: rows are sorted by expert, and each expert has a
 * matrix of its own. See {@link ExpertOrder} for the sorting.
 */
public final class ExpertMatmul {
  private ExpertMatmul() {}

  /**
   * out[r, n] = sum_k x[r, k] * weights[e][n, k], for the rows r from offsets[e] to offsets[e + 1]
   * - 1 of each expert e.
   *
   * @param out (N, F), overwritten
   * @param x (N, C)
   * @param weights E times (F, C), all of one type
   * @param offsets (E + 1), from 0 to N, ascending; an expert without rows is not read
   */
  public static void forward(Tensor out, Tensor x, List<Tensor> weights, int[] offsets) {
    check(out, x, weights, offsets);
    for (int e = 0; e < weights.size(); e++) {
      int count = offsets[e + 1] - offsets[e];
      if (count > 0) {
        Matmul.forward(out.rows(offsets[e], count), x.rows(offsets[e], count), weights.get(e));
      }
    }
  }

  /** Shapes and types fit, and the offsets ascend from 0 to N. */
  public static void check(Tensor out, Tensor x, List<Tensor> weights, int[] offsets) {
    if (weights.isEmpty() || offsets.length != weights.size() + 1) {
      throw new IllegalArgumentException(
          "expert matmul: %d offsets for %d experts; one more than experts, of which there is one or more"
              .formatted(offsets.length, weights.size()));
    }
    Tensor first = weights.getFirst();
    Matmul.check(out, x, first);
    for (int e = 0; e < weights.size(); e++) {
      Tensor weight = weights.get(e);
      if (weight.dtype() != first.dtype() || !weight.shape().equals(first.shape())) {
        throw new IllegalArgumentException(
            "expert matmul: expert %d is %s %s but expert 0 is %s %s: all must be alike"
                .formatted(e, weight.dtype(), weight.shape(), first.dtype(), first.shape()));
      }
      if (offsets[e + 1] < offsets[e]) {
        throw new IllegalArgumentException(
            "expert matmul: rows %d to %d for expert %d: offsets ascend"
                .formatted(offsets[e], offsets[e + 1], e));
      }
    }
    if (offsets[0] != 0 || offsets[weights.size()] != x.dim(0)) {
      throw new IllegalArgumentException(
          "expert matmul: offsets from %d to %d but x is %s: they must be 0 and the number of rows"
              .formatted(offsets[0], offsets[weights.size()], x.shape()));
    }
  }
}
