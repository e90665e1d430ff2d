package llada.model;

import java.util.Arrays;
import java.util.Optional;

/**
 * B token sequences of one length T, shorter ones padded on the left.
 *
 * @param ids (B, T)
 * @param visible (B, T), false where a token is padding that nobody may attend to; null when all
 *     count
 * @param sight how far a token sees; empty for as far as the model says
 */
public record TokenBatch(int[][] ids, boolean[][] visible, Optional<Sight> sight) {
  /**
   * Checks that the batch is rectangular.
   *
   * @throws IllegalArgumentException if it is empty or ragged, or a sequence is all padding
   */
  public TokenBatch {
    requireRectangular(ids, visible);
    if (ids[0].length == 0) {
      throw new IllegalArgumentException("the batch is empty; give at least one token");
    }
    for (int b = 0; visible != null && b < ids.length; b++) {
      int first = 0;
      while (first < visible[b].length && !visible[b][first]) {
        first++;
      }
      if (first == visible[b].length) {
        throw new IllegalArgumentException(
            "sequence %d of the batch is all padding; at least one of its %d tokens must be visible"
                .formatted(b, ids[b].length));
      }
    }
  }

  /** A batch that sees as far as the model says. */
  public TokenBatch(int[][] ids, boolean[][] visible) {
    this(ids, visible, Optional.empty());
  }

  /**
   * Checks that there are sequences, all of one length, and as many flags where there are any.
   *
   * @param visible null for none
   * @throws IllegalArgumentException if not; the message says which sequence differs
   */
  public static void requireRectangular(int[][] ids, boolean[][] visible) {
    if (ids.length == 0) {
      throw new IllegalArgumentException("the batch is empty; give at least one sequence");
    }
    if (visible != null && visible.length != ids.length) {
      throw new IllegalArgumentException(
          "a padding mask of %d sequences for a batch of %d".formatted(visible.length, ids.length));
    }
    for (int b = 0; b < ids.length; b++) {
      int flags = visible == null ? ids[b].length : visible[b].length;
      if (ids[b].length != ids[0].length || flags != ids[b].length) {
        throw new IllegalArgumentException(
            "sequence %d of the batch has %d tokens%s, and the first has %d; pad shorter ones on the left"
                .formatted(
                    b,
                    ids[b].length,
                    visible == null ? "" : " and " + flags + " flags of padding",
                    ids[0].length));
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
        visible == null ? null : Arrays.copyOfRange(visible, from, to),
        sight);
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
