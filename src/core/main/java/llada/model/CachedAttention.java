package llada.model;

import java.util.Arrays;
import llada.kernel.Kernels;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.tensor.Tensor;

/**
 * Attention of some positions over all: queries are those that the pass computes; keys and values
 * are theirs, and the cache's for the rest.
 *
 * @param cache of the generation
 * @param rows (n) what is computed, as rows of the flattened batch, ascending
 * @param computed (B, m) the same by sequence
 * @param length T
 * @param whole whether that is everything
 * @param kernels what computes
 */
record CachedAttention(
    ActivationCache cache,
    int[] rows,
    int[][] computed,
    int length,
    boolean whole,
    Kernels kernels) {

  /** What a pass over these positions reads and writes. */
  static CachedAttention of(TokenBatch batch, PartialPass pass, Kernels kernels) {
    if (pass.computed().length != batch.size()) {
      throw new IllegalArgumentException(
          "positions of %d sequences for a batch of %d"
              .formatted(pass.computed().length, batch.size()));
    }
    if (batch.size() * batch.length() > pass.cache().tokens()) {
      throw new IllegalArgumentException(
          "a batch of %d x %d tokens exceeds the %d of the cache"
              .formatted(batch.size(), batch.length(), pass.cache().tokens()));
    }
    return new CachedAttention(
        pass.cache(),
        pass.rows(batch),
        pass.computed(),
        batch.length(),
        pass.whole(batch),
        kernels);
  }

  /** Stores a.k() and a.v(), and attends from a.q() to all positions, into a.context(). */
  void forward(Activations a, int layer, AttentionShape shape, AttentionMask mask) {
    cache.storeKeys(layer, rows, a.k(), kernels);
    cache.storeValues(layer, rows, a.v(), kernels);
    int count = shape.batch() * length;
    Tensor keys = whole ? a.k() : cache.keys(layer, count, rows, a.k(), kernels);
    Tensor values = whole ? a.v() : cache.values(layer, count, rows, a.v(), kernels);
    attend(a.context(), a.q(), keys, values, computed, shape, mask);
  }

  /**
   * Attention of the queries of each sequence over its keys.
   *
   * @param context (n, C), overwritten
   * @param q (n, C), sequence after sequence
   * @param keys (B * T, Ckv)
   * @param values (B * T, Ckv)
   * @param positions (B, m) whose queries these are; only the counts matter
   * @param shape B, and the heads
   * @param mask of these queries
   */
  void attend(
      Tensor context,
      Tensor q,
      Tensor keys,
      Tensor values,
      int[][] positions,
      AttentionShape shape,
      AttentionMask mask) {
    if (Arrays.stream(positions).allMatch(p -> p.length == positions[0].length)) {
      kernels.attention(context, q, keys, values, shape, mask);
      return;
    }
    int first = 0;
    for (int b = 0; b < positions.length; b++) {
      int queries = positions[b].length;
      if (queries > 0) {
        kernels.attention(
            context.rows(first, queries),
            q.rows(first, queries),
            keys.rows((long) b * length, length),
            values.rows((long) b * length, length),
            AttentionShape.of(shape.heads(), shape.kvHeads()),
            mask.part(b, length, first, first + queries));
      }
      first += queries;
    }
  }
}
