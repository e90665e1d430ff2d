package llada.kernel.scalar;

import java.util.Arrays;

/**
 * Which keys each query sees: those of its own sequence that are visible at all and stand before
 * the query's reach. No T x T matrix exists anywhere.
 *
 * @param visible (B * Tk) which keys count, false for padding; null when all do
 * @param reach (B * Tq) how many keys of its sequence, from the first, a query may see, hidden ones
 *     counted; null when it may see all
 * @param added whether reach hides nothing but adds 1 to the scores of the keys within it. So does
 *     the published generate() of LLaDA2.1, which gives the model a 0/1 mask where a bias is wanted
 */
public record AttentionMask(boolean[] visible, int[] reach, boolean added) {
  /** Every query sees every key: LLaDA. */
  public static final AttentionMask FULL = new AttentionMask(null, null, false);

  /** Every query sees every key that is no padding. */
  public static AttentionMask padded(boolean[] visible) {
    return visible == null ? FULL : new AttentionMask(visible, null, false);
  }

  /**
   * Query t sees the keys 0 to t: autoregressive models.
   *
   * @param visible as above
   * @param batch B
   * @param length T, of queries and keys
   */
  public static AttentionMask causal(boolean[] visible, int batch, int length) {
    return blocks(visible, batch, length, 1);
  }

  /**
   * Query t sees all keys up to the end of its block: LLaDA2 and other block diffusion. Blocks are
   * counted from the first token that counts.
   *
   * @param block tokens of a block
   */
  public static AttentionMask blocks(boolean[] visible, int batch, int length, int block) {
    int[] reach = new int[batch * length];
    for (int b = 0; b < batch; b++) {
      int first = 0;
      while (visible != null && first < length && !visible[b * length + first]) {
        first++;
      }
      for (int t = 0; t < length; t++) {
        int end = Math.max(0, t - first) / block * block + block;
        reach[b * length + t] = Math.min(length, first + end);
      }
    }
    return new AttentionMask(visible, reach, false);
  }

  /** The same reach as a bias of 1 that hides nothing. */
  public AttentionMask asBias() {
    return new AttentionMask(visible, reach, true);
  }

  /**
   * The mask of some queries of one sequence among several.
   *
   * @param sequence b
   * @param keys Tk
   * @param from the first of its queries among the B * Tq
   * @param to behind the last
   */
  public AttentionMask part(int sequence, int keys, int from, int to) {
    return new AttentionMask(
        visible == null
            ? null
            : Arrays.copyOfRange(visible, sequence * keys, (sequence + 1) * keys),
        reach == null ? null : Arrays.copyOfRange(reach, from, to),
        added);
  }

  /**
   * The same for some of the queries, as a pass asks for them that computes only these.
   *
   * @param rows of the B * Tq
   */
  public AttentionMask queries(int[] rows) {
    return reach == null
        ? this
        : new AttentionMask(visible, Arrays.stream(rows).map(row -> reach[row]).toArray(), added);
  }

  /** Whether every query sees all visible keys alike. */
  public boolean uniform() {
    return reach == null;
  }

  /**
   * How many keys query {@code row} may see, hidden ones counted.
   *
   * @param row of the B * Tq
   * @param keys Tk
   */
  public int reach(int row, int keys) {
    return reach == null || added ? keys : reach[row];
  }

  /**
   * For each query, how many of the visible keys of its sequence stand before its reach.
   *
   * @param visibleKeys (B, n) ascending
   * @return (B * Tq); null when all do
   */
  public int[] within(int[][] visibleKeys) {
    int[] within = reach == null ? null : new int[reach.length];
    for (int row = 0; reach != null && row < reach.length; row++) {
      int[] keys = visibleKeys[row / (reach.length / visibleKeys.length)];
      int place = Arrays.binarySearch(keys, reach[row]);
      within[row] = place < 0 ? ~place : place;
    }
    return within;
  }

  /** The mask is of so many queries and keys, and no reach is beyond the keys of a sequence. */
  void check(long queries, long keys, int batch) {
    if (visible != null && visible.length != keys) {
      throw new IllegalArgumentException(
          "attention: the padding mask has %d entries for %d keys".formatted(visible.length, keys));
    }
    if (reach != null && reach.length != queries) {
      throw new IllegalArgumentException(
          "attention: the mask has %d reaches for %d queries".formatted(reach.length, queries));
    }
    for (int row = 0; reach != null && row < reach.length; row++) {
      if (reach[row] < 0 || reach[row] > keys / batch) {
        throw new IllegalArgumentException(
            "attention: query %d reaches %d keys; a sequence has %d"
                .formatted(row, reach[row], keys / batch));
      }
    }
  }

  /** What is added to the score of key {@code s} of its sequence for query {@code row}. */
  public float bias(int row, int s) {
    return added && reach != null && s < reach[row] ? 1 : 0;
  }
}
