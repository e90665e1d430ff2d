package llada.diffusion;

import java.util.Arrays;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;

/**
 * The mask predictor under classifier-free guidance (LLaDA, eq. 16): the prompt is masked for a
 * second pass, and the answer is pushed away from what would have been said without it:
 *
 * <pre>
 *   logits = unconditional + (w + 1) * (conditional - unconditional)
 * </pre>
 *
 * With w = 0 there is one pass and no second.
 */
final class Guidance {
  private final MaskPredictor predictor;
  private final double scale;

  Guidance(MaskPredictor predictor, double scale) {
    this.predictor = predictor;
    this.scale = scale;
  }

  /** Sequences through the predictor for each sequence of a batch. */
  int passes() {
    return scale > 0 ? 2 : 1;
  }

  /**
   * Logits of some rows: with guidance those of the second pass follow, and {@link #read} joins
   * them.
   *
   * @param x (B, T) tokens
   * @param visible (B, T) padding mask, or null
   * @param given (B, T) what the unconditional pass masks: everything that was no mask at the start
   * @param rows which of the B * T rows
   * @return (rows, V), or (2 * rows, V) with guidance
   */
  Tensor forward(int[][] x, boolean[][] visible, boolean[][] given, int mask, int[] rows) {
    if (scale == 0) {
      return predictor.forward(new TokenBatch(x, visible), rows);
    }
    return predictor.forward(
        new TokenBatch(withUnconditional(x, given, mask), visible == null ? null : twice(visible)),
        withOffset(rows, x.length * x[0].length));
  }

  /**
   * The guided logits of one row, in double.
   *
   * @param logits what {@link #forward} gave
   * @param rows how many rows it was asked for
   * @param out (V), overwritten
   */
  void read(Tensor logits, int row, int rows, double[] out) {
    int vocabulary = logits.dim(1);
    long conditional = (long) row * vocabulary;
    long unconditional = (long) (rows + row) * vocabulary;
    for (int v = 0; v < vocabulary; v++) {
      out[v] = logits.get(conditional + v);
      if (scale > 0) {
        double without = logits.get(unconditional + v);
        out[v] = without + (scale + 1) * (out[v] - without);
      }
    }
  }

  /** The batch, followed by itself with everything given masked. */
  private static int[][] withUnconditional(int[][] x, boolean[][] given, int mask) {
    int[][] both = Arrays.copyOf(x, 2 * x.length);
    for (int b = 0; b < x.length; b++) {
      int[] masked = x[b].clone();
      for (int i = 0; i < masked.length; i++) {
        if (given[b][i]) {
          masked[i] = mask;
        }
      }
      both[x.length + b] = masked;
    }
    return both;
  }

  private static boolean[][] twice(boolean[][] visible) {
    boolean[][] both = Arrays.copyOf(visible, 2 * visible.length);
    System.arraycopy(visible, 0, both, visible.length, visible.length);
    return both;
  }

  private static int[] withOffset(int[] rows, int offset) {
    int[] both = Arrays.copyOf(rows, 2 * rows.length);
    for (int i = 0; i < rows.length; i++) {
      both[rows.length + i] = rows[i] + offset;
    }
    return both;
  }
}
