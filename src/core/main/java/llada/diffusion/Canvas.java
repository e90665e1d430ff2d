package llada.diffusion;

import java.util.Arrays;
import llada.diffusion.cache.Progress;
import llada.model.LladaConfig;
import llada.model.TokenBatch;

/**
 * The tokens of a generation in the making, B sequences of T: prompts, padded on the left, then
 * answers.
 */
final class Canvas {
  final int mask;
  final int promptLength;
  final int[][] x;

  /** (B, T) what may be attended to; null when all. */
  final boolean[][] visible;

  /** (B, T) what was no mask at the start, which guidance hides. */
  final boolean[][] given;

  /** (B, T) the global step that last wrote a position. */
  final int[][] changed;

  /** (B, T) confidence of a committed token when it was committed. */
  final double[][] confidence;

  private Canvas(int[][] x, boolean[][] visible, int promptLength, int mask) {
    this.mask = mask;
    this.promptLength = promptLength;
    this.x = x;
    this.visible = visible;
    int length = x[0].length;
    this.given = new boolean[x.length][length];
    this.changed = new int[x.length][length];
    this.confidence = new double[x.length][length];
    for (int b = 0; b < x.length; b++) {
      for (int i = 0; i < length; i++) {
        given[b][i] = x[b][i] != mask;
      }
      Arrays.fill(changed[b], Progress.NEVER);
    }
  }

  /**
   * Prompts, followed by {@code genLength} masks each.
   *
   * @throws IllegalArgumentException if there is no prompt, or they differ in length
   */
  static Canvas withAnswers(int[][] prompts, boolean[][] visible, int genLength, int mask) {
    TokenBatch.requireRectangular(prompts, visible);
    int promptLength = prompts[0].length;
    int length = promptLength + genLength;
    int[][] x = new int[prompts.length][];
    boolean[][] all = visible == null ? null : new boolean[prompts.length][];
    for (int b = 0; b < prompts.length; b++) {
      x[b] = Arrays.copyOf(prompts[b], length);
      Arrays.fill(x[b], promptLength, length, mask);
      if (visible != null) {
        all[b] = Arrays.copyOf(visible[b], length);
        Arrays.fill(all[b], promptLength, length, true);
      }
    }
    return new Canvas(x, all, promptLength, mask);
  }

  /** A text with masks in it, of which the first is the first of its answer. */
  static Canvas withGaps(int[] text, int firstMask, int mask) {
    return new Canvas(new int[][] {text.clone()}, null, firstMask, mask);
  }

  /** Puts masks before a position of every sequence. */
  void insert(int position, int count) {
    for (int b = 0; b < batch(); b++) {
      int length = x[b].length;
      int[] ids = Arrays.copyOf(x[b], length + count);
      int[] steps = Arrays.copyOf(changed[b], length + count);
      double[] p = Arrays.copyOf(confidence[b], length + count);
      boolean[] known = Arrays.copyOf(given[b], length + count);
      System.arraycopy(ids, position, ids, position + count, length - position);
      System.arraycopy(steps, position, steps, position + count, length - position);
      System.arraycopy(p, position, p, position + count, length - position);
      System.arraycopy(known, position, known, position + count, length - position);
      Arrays.fill(ids, position, position + count, mask);
      Arrays.fill(steps, position, position + count, Progress.NEVER);
      Arrays.fill(known, position, position + count, false);
      x[b] = ids;
      changed[b] = steps;
      confidence[b] = p;
      given[b] = known;
      if (visible != null) { // all of the answer is visible
        visible[b] = Arrays.copyOf(visible[b], length + count);
        Arrays.fill(visible[b], length, length + count, true);
      }
    }
  }

  int batch() {
    return x.length;
  }

  int length() {
    return x[0].length;
  }

  /** Masks from {@code from} to {@code to}. */
  int masked(int sequence, int from, int to) {
    int count = 0;
    for (int i = from; i < to; i++) {
      count += x[sequence][i] == mask ? 1 : 0;
    }
    return count;
  }

  /** Whether any sequence has a mask from {@code from} to {@code to}. */
  boolean open(int from, int to) {
    for (int b = 0; b < batch(); b++) {
      if (masked(b, from, to) > 0) {
        return true;
      }
    }
    return false;
  }

  /** Share of a sequence's answer that is filled. */
  double filled(int sequence) {
    int length = length() - promptLength;
    return 1 - (double) masked(sequence, promptLength, length()) / length;
  }

  void commit(int sequence, int position, int token, double p, int step) {
    x[sequence][position] = token;
    confidence[sequence][position] = p;
    changed[sequence][position] = step;
  }

  void takeBack(int sequence, int position, int step) {
    x[sequence][position] = mask;
    changed[sequence][position] = step;
  }

  /**
   * Fills each answer behind its first end token with EOS, unless there is a mask before it.
   *
   * @return whether all are filled then, and nothing is left to do
   */
  boolean cutAtEnds(LladaConfig config, int step) {
    boolean all = true;
    for (int b = 0; b < batch(); b++) {
      int i = promptLength;
      while (i < length() && !config.ends(x[b][i]) && x[b][i] != mask) {
        i++;
      }
      if (i == length() || x[b][i] == mask) {
        all &= i == length();
        continue;
      }
      for (int behind = i + 1; behind < length(); behind++) {
        if (x[b][behind] != config.eosTokenId()) {
          commit(b, behind, config.eosTokenId(), 1, step);
        }
      }
    }
    return all;
  }
}
