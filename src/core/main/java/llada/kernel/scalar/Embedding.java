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

  /**
   * Each row of the gradient goes to the token that it came from: dTable[ids[t]] += dOut[t], in the
   * order of t.
   *
   * @param dTable (V, C) float32, accumulates
   * @param ids (T), each from 0 to V - 1
   * @param dOut (T, C)
   */
  public static void backward(Tensor dTable, int[] ids, Tensor dOut) {
    checkBackward(dTable, ids, dOut);
    int c = dTable.dim(1);
    for (int t = 0; t < ids.length; t++) {
      for (int i = 0; i < c; i++) {
        long at = (long) ids[t] * c + i;
        dTable.set(at, dTable.get(at) + dOut.get((long) t * c + i));
      }
    }
  }

  /** As {@link #check}, and the table is float32. */
  public static void checkBackward(Tensor dTable, int[] ids, Tensor dOut) {
    check(dOut, ids, dTable);
    Require.matrix(
        "embedding backward", "dTable", dTable, dTable.shape().dim(0), dTable.shape().dim(1));
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
