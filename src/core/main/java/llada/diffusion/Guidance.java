package llada.diffusion;

import java.util.Arrays;
import java.util.Optional;
import llada.diffusion.cache.Plan;
import llada.model.ActivationCache;
import llada.model.PartialPass;
import llada.model.Portion;
import llada.model.Predictor;
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
  private final Predictor predictor;
  private final double scale;
  private double positions;

  Guidance(Predictor predictor, double scale) {
    this.predictor = predictor;
    this.scale = scale;
  }

  /** Sequences through the predictor for each sequence of a batch. */
  int passes() {
    return scale > 0 ? 2 : 1;
  }

  /**
   * Logits of some rows of sequences that are computed whole: with guidance those of the second
   * pass follow, and {@link #read} joins them. The unconditional pass masks everything given.
   *
   * @param x (B, T)
   * @param visible (B, T) what may be attended to; null when all
   * @param given (B, T) what the second pass hides
   * @param rows which of the B * T rows
   * @return (rows, V), or (2 * rows, V) with guidance
   */
  Tensor forward(int[][] x, boolean[][] visible, boolean[][] given, int mask, int[] rows) {
    return predictor.forward(batch(x, visible, given, mask), wanted(x, rows));
  }

  private TokenBatch batch(int[][] x, boolean[][] visible, boolean[][] given, int mask) {
    return scale > 0
        ? new TokenBatch(withUnconditional(x, given, mask), visible == null ? null : twice(visible))
        : new TokenBatch(x, visible);
  }

  private int[] wanted(int[][] x, int[] rows) {
    return scale > 0 ? withOffset(rows, x.length * x[0].length) : rows;
  }

  /**
   * The same of a generation, for a pass that others may share; both passes compute the same
   * positions.
   *
   * @param plan which positions are computed
   * @param cache of 2 B sequences with guidance; null if all positions are computed and none kept
   * @param rows which of the B * T rows
   */
  Portion portion(Canvas canvas, Plan plan, ActivationCache cache, int[] rows) {
    TokenBatch batch = batch(canvas.x, canvas.visible, canvas.given, canvas.mask);
    int[] wanted = wanted(canvas.x, rows);
    Portion portion =
        cache == null
            ? new Portion(batch, wanted)
            : new Portion(batch, Optional.of(partial(batch, plan, cache)), wanted);
    positions = portion.positions(predictor.config().nLayers());
    return portion;
  }

  private PartialPass partial(TokenBatch batch, Plan plan, ActivationCache cache) {
    return plan.computed() == null
        ? PartialPass.refresh(batch, cache)
        : new PartialPass(
            scale > 0 ? twice(plan.computed()) : plan.computed(), plan.ratio(), cache);
  }

  /** Positions of the last portion, on average over the layers. */
  double positions() {
    return positions;
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

  private static <T> T[] twice(T[] rows) {
    T[] both = Arrays.copyOf(rows, 2 * rows.length);
    System.arraycopy(rows, 0, both, rows.length, rows.length);
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
