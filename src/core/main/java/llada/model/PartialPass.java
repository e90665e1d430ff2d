package llada.model;

import java.util.Arrays;

/**
 * Which positions a forward pass computes.
 *
 * @param computed (B, n) for each sequence some positions, ascending; n may differ
 * @param ratio 1 computes all of them in every layer. Below, layers after the first compute only
 *     that share of each sequence's, those whose values changed most, and the others keep what the
 *     layer gave them before (dLLM-Cache); the cache must keep outputs for that
 * @param cache keys and values of all positions, read and brought up to date
 */
public record PartialPass(int[][] computed, double ratio, ActivationCache cache) {
  /** All positions of a batch: nothing stale is read. */
  public static PartialPass refresh(TokenBatch batch, ActivationCache cache) {
    int[] all = new int[batch.length()];
    Arrays.setAll(all, i -> i);
    int[][] computed = new int[batch.size()][];
    Arrays.fill(computed, all);
    return new PartialPass(computed, 1, cache);
  }

  /** A pass over these positions in every layer. */
  public PartialPass(int[][] computed, ActivationCache cache) {
    this(computed, 1, cache);
  }

  /** Checks the ratio. */
  public PartialPass {
    if (!(ratio > 0 && ratio <= 1)) {
      throw new IllegalArgumentException(
          "the ratio is %s; it must be above 0 and at most 1".formatted(ratio));
    }
  }

  /** Positions that enter the first layer. */
  public int size() {
    int size = 0;
    for (int[] positions : computed) {
      size += positions.length;
    }
    return size;
  }

  /** How many of {@code n} positions a layer after the first computes. */
  public int selected(int n) {
    return (int) Math.ceil(ratio * n);
  }

  /** Positions that go through attention and feed-forward, on average over the layers. */
  public double positions(int layers) {
    int selected = 0;
    for (int[] positions : computed) {
      selected += selected(positions.length);
    }
    return (size() + (layers - 1.0) * selected) / layers;
  }

  /** Whether every position of the batch is computed, and nothing is read from the cache. */
  boolean whole(TokenBatch batch) {
    return ratio == 1 && size() == batch.size() * batch.length();
  }

  /** The computed positions as rows of the flattened batch, ascending. */
  int[] rows(TokenBatch batch) {
    int[] rows = new int[size()];
    int n = 0;
    for (int b = 0; b < computed.length; b++) {
      int last = -1;
      for (int position : computed[b]) {
        if (position <= last || position >= batch.length()) {
          throw new IllegalArgumentException(
              "position %d of sequence %d is out of order, or beyond %d tokens"
                  .formatted(position, b, batch.length()));
        }
        last = position;
        rows[n++] = b * batch.length() + position;
      }
    }
    return rows;
  }
}
