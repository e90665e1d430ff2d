package llada.model;

import java.util.Arrays;

/**
 * B token sequences of one length T, shorter ones padded on the left.
 *
 * @param ids (B, T)
 * @param visible (B, T), false where a token is padding that nobody may attend to; null when all
 *     count
 */
public record TokenBatch(int[][] ids, boolean[][] visible) {
  /**
   * Checks that the batch is rectangular.
   *
   * @throws IllegalArgumentException if it is empty or ragged, or a sequence is all padding
   */
  public TokenBatch {
    if (ids.length == 0 || ids[0].length == 0) {
      throw new IllegalArgumentException("the batch is empty; give at least one token");
    }
    for (int b = 0; b < ids.length; b++) {
      if (ids[b].length != ids[0].length
          || visible != null
              && (visible.length != ids.length || visible[b].length != ids[0].length)) {
        throw new IllegalArgumentException(
            "sequence %d of the batch differs in length; pad shorter ones on the left"
                .formatted(b));
      }
    }
  }

  /** A batch without padding. */
  public static TokenBatch of(int[]... ids) {
    return new TokenBatch(ids, null);
  }

  /** Sequences {@code from} to {@code to - 1}. */
  public TokenBatch part(int from, int to) {
    return new TokenBatch(
        Arrays.copyOfRange(ids, from, to),
        visible == null ? null : Arrays.copyOfRange(visible, from, to));
  }

  /** B. */
  public int size() {
    return ids.length;
  }

  /** T. */
  public int length() {
    return ids[0].length;
  }

  /** All ids, sequence after sequence: (B * T). */
  int[] flatIds() {
    int[] flat = new int[size() * length()];
    for (int b = 0; b < size(); b++) {
      System.arraycopy(ids[b], 0, flat, b * length(), length());
    }
    return flat;
  }

  /** The padding mask likewise, or null. */
  boolean[] flatVisible() {
    if (visible == null) {
      return null;
    }
    boolean[] flat = new boolean[size() * length()];
    for (int b = 0; b < size(); b++) {
      System.arraycopy(visible[b], 0, flat, b * length(), length());
    }
    return flat;
  }

  /**
   * The position of each row: from 0 at the first token that counts in each sequence, so that a
   * padded sequence has the angles that it has alone. The published code counts padding, too; but
   * only differences of positions show in a score.
   */
  int[] positions() {
    int[] positions = new int[size() * length()];
    for (int b = 0; b < size(); b++) {
      int first = 0;
      while (visible != null && first < length() && !visible[b][first]) {
        first++;
      }
      for (int i = 0; i < length(); i++) {
        positions[b * length() + i] = Math.max(0, i - first);
      }
    }
    return positions;
  }
}
