package llada.kernel.scalar;

import llada.tensor.Tensor;

/** Token embedding: row t of the output is row ids[t] of the table. */
public final class Embedding {
  private Embedding() {}

  /**
   * out[t] = table[ids[t]].
   *
   * @param out (T, C), overwritten
   * @param ids (T), each from 0 to V - 1
   * @param table (V, C), any type
   */
  public static void forward(Tensor out, int[] ids, Tensor table) {
    check(out, ids, table);
    int c = table.dim(1);
    float[] row = new float[c];
    for (int t = 0; t < ids.length; t++) {
      table.dtype().decode(table.data(), (long) ids[t] * c, row, 0, c);
      for (int i = 0; i < c; i++) {
        out.set((long) t * c + i, row[i]);
      }
    }
  }

  /** The shapes fit and every id is in the table. */
  public static void check(Tensor out, int[] ids, Tensor table) {
    Require.rank2("embedding", "table", table);
    Require.matrix("embedding", "out", out, ids.length, table.shape().dim(1));
    for (int t = 0; t < ids.length; t++) {
      if (ids[t] < 0 || ids[t] >= table.shape().dim(0)) {
        throw new IllegalArgumentException(
            "embedding: id %d at position %d is not among the %d rows of the table"
                .formatted(ids[t], t, table.shape().dim(0)));
      }
    }
  }
}
