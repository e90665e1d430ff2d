package llada.diffusion;

import java.util.Arrays;

/**
 * A finished generation.
 *
 * @param x (B, T) prompt and answer
 * @param promptLength tokens of the padded prompt
 * @param steps steps taken
 * @param forwardPasses sequences sent through the mask predictor, per sequence of the batch: one a
 *     step, two with guidance
 * @param positions positions that these computed, on average over the layers, of all sequences
 * @param nanos time in all
 * @param confidence (B, T) probability of a generated token when it was committed
 * @param committedAt (B, T) step that committed a token, from 0; {@link
 *     llada.diffusion.cache.Progress#NEVER} for the prompt
 */
public record Generation(
    int[][] x,
    int promptLength,
    int steps,
    int forwardPasses,
    long positions,
    long nanos,
    double[][] confidence,
    int[][] committedAt) {
  /** The generated tokens of one sequence. */
  public int[] answer(int sequence) {
    return Arrays.copyOfRange(x[sequence], promptLength, x[sequence].length);
  }

  /** The generated tokens of one sequence up to, and without, the first of {@code ends}. */
  public int[] answerUpTo(int sequence, int... ends) {
    int[] answer = answer(sequence);
    for (int i = 0; i < answer.length; i++) {
      for (int end : ends) {
        if (answer[i] == end) {
          return Arrays.copyOf(answer, i);
        }
      }
    }
    return answer;
  }
}
