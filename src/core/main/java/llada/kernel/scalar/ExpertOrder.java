package llada.kernel.scalar;

import java.util.Arrays;

/**
 * The order in which experts see tokens: by expert, and by token within an expert. So the rows of
 * an expert lie together, and each expert's weights are read once.
 *
 * <pre>
 *   route(experts, weights, logits, ...)     (T * k)
 *   sort(experts, k)
 *   embedding(in, tokens(), x)               (T * k, C), sorted
 *   expertMatmul(y, in, matrices, offsets())
 *   combine(out, y, places(), weights)       (T, C)
 * </pre>
 *
 * <p>The arrays are as long as the last call asked for, and belong to this object: as long as the
 * number of tokens stays the same, nothing is allocated. Not thread-safe.
 */
public final class ExpertOrder {
  private final int[] offsets;
  private int[] tokens = new int[0];
  private int[] places = new int[0];

  /** For choices among so many experts. */
  public ExpertOrder(int experts) {
    this.offsets = new int[experts + 1];
  }

  /**
   * Sorts the choices of all tokens; a counting sort, which keeps the order of tokens.
   *
   * @param experts (T * k), each from 0 to E - 1
   * @param perToken k
   */
  public void sort(int[] experts, int perToken) {
    if (tokens.length != experts.length) {
      tokens = new int[experts.length];
      places = new int[experts.length];
    }
    Arrays.fill(offsets, 0);
    for (int expert : experts) {
      offsets[expert + 1]++;
    }
    for (int e = 1; e < offsets.length; e++) {
      offsets[e] += offsets[e - 1];
    }
    for (int i = 0; i < experts.length; i++) { // offsets[e] is now where the next of e goes
      places[i] = offsets[experts[i]]++;
      tokens[places[i]] = i / perToken;
    }
    System.arraycopy(offsets, 0, offsets, 1, offsets.length - 1); // and then where e + 1 begins
    offsets[0] = 0;
  }

  /**
   * Where the rows of each expert begin and end: from offsets[e] to offsets[e + 1] - 1; (E + 1).
   */
  public int[] offsets() {
    return offsets;
  }

  /** Which token each sorted row is of; (T * k). */
  public int[] tokens() {
    return tokens;
  }

  /** Which sorted row the j-th expert of token t has, at t * k + j; (T * k). */
  public int[] places() {
    return places;
  }
}
