package llada.api;

/**
 * An answer in the making, after one step, in tokens. Of a text with gaps it is the whole text.
 *
 * @param number of the step, from 1
 * @param of how many there are at most; 0 where the text decides
 * @param blockFrom first token of the block at hand
 * @param blockTo behind its last
 * @param tokens (n) the mask where nothing is revealed
 * @param confidence (n) probability of each token when it was committed; 0 where it was given
 * @param step (n) that committed each token, from 0; -1 where none did
 * @param settled how many of the first say something and never change again: up to the first mask
 *     or end, or to the block where its tokens may be taken back
 */
public record Draft(
    int number,
    int of,
    int blockFrom,
    int blockTo,
    int[] tokens,
    double[] confidence,
    int[] step,
    int settled) {
  /** Whether a token was committed in this step. */
  public boolean isNew(int token) {
    return step[token] == number - 1;
  }
}
