package llada.kernel.scalar;

import llada.tensor.Tensor;

/** What the experts of a token answered, back in one row, each with its weight. */
public final class Combine {
  private Combine() {}

  /**
   * out[t, i] = sum_j weights[t * k + j] * y[rows[t * k + j], i], in the order of j.
   *
   * @param out (T, C), overwritten
   * @param y (T * k, C)
   * @param rows (T * k): where the answer of a token's j-th expert lies in y
   * @param weights (T * k)
   */
  public static void forward(Tensor out, Tensor y, int[] rows, float[] weights) {
    check(out, y, rows, weights);
    int c = out.dim(1);
    int k = out.dim(0) == 0 ? 0 : rows.length / out.dim(0);
    for (int t = 0; t < out.dim(0); t++) {
      for (int i = 0; i < c; i++) {
        float sum = 0;
        for (int j = t * k; j < t * k + k; j++) {
          sum += weights[j] * y.get((long) rows[j] * c + i);
        }
        out.set((long) t * c + i, sum);
      }
    }
  }

  /** out is (T, C), y (T * k, C), and every row lies in y. */
  public static void check(Tensor out, Tensor y, int[] rows, float[] weights) {
    Require.rank2("combine", "out", out);
    long tokens = out.shape().dim(0);
    Require.matrix("combine", "out", out, tokens, out.shape().dim(1));
    Require.matrix("combine", "y", y, rows.length, out.shape().dim(1));
    if (weights.length != rows.length || rows.length % Math.max(1, tokens) != 0) {
      throw new IllegalArgumentException(
          "combine: %d rows and %d weights for %d tokens; equally many for each token"
              .formatted(rows.length, weights.length, tokens));
    }
    for (int j = 0; j < rows.length; j++) {
      if (rows[j] < 0 || rows[j] >= rows.length) {
        throw new IllegalArgumentException(
            "combine: row %d at position %d is not among the %d rows of y"
                .formatted(rows[j], j, rows.length));
      }
    }
  }
}
