package llada.diffusion;

import java.util.Arrays;
import java.util.stream.IntStream;
import llada.model.LladaConfig;
import llada.tensor.Tensor;

/**
 * Repetition control. A diffusion model commits tokens of one step without seeing each other, and
 * so is prone to say a thing twice, line breaks above all. Two remedies from autoregressive models,
 * changed so that they look to both sides:
 *
 * <pre>
 *   penalty  (Keskar et al. 2019) for each token v committed within {@link #WINDOW} positions of i:
 *            logit_i[v] = logit_i[v] / penalty if positive, else * penalty
 *   n-grams  (Paulus et al. 2018) v may not fill i if with committed neighbours it makes a run of n
 *            tokens that the answer has elsewhere
 * </pre>
 *
 * <p>Of proposals of one step that would repeat each other the better one is committed, and the
 * others wait for the next step. End tokens are never held back. Only the answer is looked at.
 *
 * @param penalty 1 for none
 * @param ngram n; 0 for none
 */
public record Repetition(double penalty, int ngram) {
  /** No control. */
  public static final Repetition NONE = new Repetition(1, 0);

  /** How near a token must be to be penalised. */
  public static final int WINDOW = 32;

  /** The largest factor of logits that is allowed: times this, they stay finite. */
  static final double MOST = 1e6;

  /** A logit so low that the token has no chance, and is yet a number. */
  private static final float BANNED = -1e30f;

  /** Checks both. */
  public Repetition {
    if (!(penalty >= 1 && penalty <= MOST)) {
      throw new IllegalArgumentException(
          "the repetition penalty is %s; it must be from 1 (off) to %.0f".formatted(penalty, MOST));
    }
    if (ngram < 0) {
      throw new IllegalArgumentException(
          "no-repeat n-gram is %d; it must be 0 (off) or more".formatted(ngram));
    }
  }

  /** Whether there is anything to do. */
  boolean active() {
    return penalty > 1 || ngram > 0;
  }

  /**
   * Changes the logits of some rows.
   *
   * @param logits (rows or more, V), changed in place
   * @param rows of the flattened batch
   */
  void apply(Tensor logits, int[] rows, Canvas canvas, LladaConfig config) {
    for (int r = 0; r < rows.length; r++) {
      int[] x = canvas.x[rows[r] / canvas.length()];
      int position = rows[r] % canvas.length();
      long row = (long) r * logits.dim(1);
      if (penalty > 1) {
        penalise(logits, row, x, position, canvas, config);
      }
      if (ngram > 0) {
        for (int token : repeating(x, position, canvas.promptLength, canvas.mask)) {
          if (!config.ends(token)) {
            logits.set(row + token, BANNED);
          }
        }
      }
    }
  }

  private void penalise(
      Tensor logits, long row, int[] x, int position, Canvas canvas, LladaConfig config) {
    int from = Math.max(canvas.promptLength, position - WINDOW);
    int to = Math.min(x.length, position + WINDOW + 1);
    Arrays.stream(x, from, to)
        .filter(token -> token != canvas.mask && !config.ends(token))
        .distinct()
        .forEach(
            token -> {
              float logit = logits.get(row + token);
              logits.set(row + token, (float) (logit > 0 ? logit / penalty : logit * penalty));
            });
  }

  /** The tokens that at this position would make an n-gram that the answer has elsewhere. */
  int[] repeating(int[] x, int position, int from, int mask) {
    return IntStream.range(from, x.length - ngram + 1)
        .flatMap(
            start ->
                IntStream.range(0, ngram)
                    .filter(offset -> completes(x, start, position - offset, offset, from, mask))
                    .map(offset -> x[start + offset]))
        .distinct()
        .toArray();
  }

  /** Whether all of the n tokens from {@code start} are there, and all but one of those at. */
  private boolean completes(int[] x, int start, int at, int offset, int from, int mask) {
    if (at < from || at + ngram > x.length || at == start) {
      return false;
    }
    for (int i = 0; i < ngram; i++) {
      int token = x[start + i];
      if (token == mask || i != offset && x[at + i] != token) {
        return false;
      }
    }
    return true;
  }

  /** Whether a token at a position would now repeat what the answer has elsewhere. */
  boolean repeats(int[] x, int position, int token, int from, int mask) {
    return ngram > 0 && Arrays.stream(repeating(x, position, from, mask)).anyMatch(t -> t == token);
  }
}
