package llada.diffusion.cache;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.function.IntPredicate;

/**
 * How far a generation has come. Arrays belong to the sampler.
 *
 * @param x (B, T) tokens, prompts first
 * @param maskId the token M
 * @param promptLength positions before it are never computed for their own sake
 * @param blockStart first position of the current block
 * @param blockEnd first position behind it
 * @param step within the block, from 0
 * @param globalStep from the beginning of the generation
 * @param changed (B, T) the global step that last wrote a position; {@link #NEVER} before
 */
public record Progress(
    int[][] x,
    int maskId,
    int promptLength,
    int blockStart,
    int blockEnd,
    int step,
    int globalStep,
    int[][] changed) {
  /** Not written since the start. */
  public static final int NEVER = Integer.MIN_VALUE;

  /** Whether a position of the answer is still to be filled. */
  public boolean masked(int sequence, int position) {
    return position >= promptLength && x[sequence][position] == maskId;
  }

  /** Whether the current block of a sequence has masks left. */
  public boolean open(int sequence) {
    for (int i = blockStart; i < blockEnd; i++) {
      if (x[sequence][i] == maskId) {
        return true;
      }
    }
    return false;
  }

  /** Positions {@code from} to {@code to} of every sequence whose block is open. */
  public Plan range(int from, int to) {
    int[][] computed = new int[x.length][];
    for (int b = 0; b < x.length; b++) {
      computed[b] = open(b) ? positions(from, to, _ -> true) : new int[0];
    }
    return new Plan(computed);
  }

  /** Those positions from {@code from} to {@code to} that pass a test. */
  public static int[] positions(int from, int to, IntPredicate test) {
    IntArrayList positions = new IntArrayList();
    for (int i = from; i < to; i++) {
      if (test.test(i)) {
        positions.add(i);
      }
    }
    return positions.toIntArray();
  }
}
