package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import llada.kernel.Parallel;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Attention} with the keys taken in tiles and the softmax kept online
 * (Milakov and Gimelshein 2018; Dao et al. 2022): a running maximum and sum for each query, the
 * weighted values rescaled whenever the maximum grows. No T x T matrix exists at any time.
 */
final class Attention {
  /** Queries that one piece of work holds. */
  private static final int QUERIES = 32;

  /** Keys in a tile. */
  private static final int KEYS = 64;

  private Attention() {}

  static void forward(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      boolean[] visible,
      int batch,
      int heads,
      int kvHeads,
      Parallel parallel,
      Scratch[] scratch) {
    llada.kernel.scalar.Attention.check(out, q, k, v, visible, batch, heads, kvHeads);
    int queries = q.dim(0) / batch;
    int keys = k.dim(0) / batch;
    int d = q.dim(1) / heads;
    int tiles = (queries + QUERIES - 1) / QUERIES;
    parallel.forEach(
        batch * heads * tiles,
        (task, worker) -> {
          int b = task / (heads * tiles);
          int h = task / tiles % heads;
          int firstQuery = task % tiles * QUERIES;
          int group = h / (heads / kvHeads);
          Head head =
              new Head(
                  out.data(),
                  q.data(),
                  k.data(),
                  v.data(),
                  visible,
                  d,
                  (long) heads * d,
                  (long) kvHeads * d,
                  b * keys,
                  keys,
                  (long) group * d);
          head.queries(
              ((long) b * queries + firstQuery) * heads * d + (long) h * d,
              Math.min(QUERIES, queries - firstQuery),
              scratch[worker]);
        });
  }

  /** One head of one sequence; offsets and strides in elements. */
  private record Head(
      MemorySegment out,
      MemorySegment q,
      MemorySegment k,
      MemorySegment v,
      boolean[] visible,
      int d,
      long queryStride,
      long keyStride,
      int firstKey,
      int keys,
      long channel) {

    /** All keys for {@code count} queries, of which the first starts at element {@code at}. */
    void queries(long at, int count, Scratch scratch) {
      MemorySegment scores = scratch.floats((long) QUERIES * KEYS);
      float[] state = scratch.row(2 * QUERIES);
      for (int t = 0; t < count; t++) {
        state[t] = Float.NEGATIVE_INFINITY; // the maximum so far
        state[QUERIES + t] = 0; // the sum so far of exp(score - maximum)
        scale(at + t * queryStride, 0);
      }
      for (int s = 0; s < keys; s += KEYS) {
        int tile = Math.min(KEYS, keys - s);
        long key = (firstKey + (long) s) * keyStride + channel;
        Dot.block(scores, 0, KEYS, count, tile, q, at, queryStride, k, key, keyStride, d);
        for (int t = 0; t < count; t++) {
          softmaxTile(scores, t, s, tile, at + t * queryStride, state);
          accumulate(scores, t, tile, key, at + t * queryStride);
        }
      }
      for (int t = 0; t < count; t++) {
        float sum = state[QUERIES + t];
        scale(at + t * queryStride, sum == 0 ? 0 : 1 / sum);
      }
    }

    /** Turns a row of scores into weights relative to the running maximum. */
    private void softmaxTile(
        MemorySegment scores, int t, int firstInSequence, int tile, long outAt, float[] state) {
      long row = (long) t * KEYS;
      float scale = (float) (1 / Math.sqrt(d));
      float max = state[t];
      for (int s = 0; s < tile; s++) {
        boolean seen = visible == null || visible[firstKey + firstInSequence + s];
        float score =
            seen
                ? scores.get(Tensor.F32, (row + s) * Float.BYTES) * scale
                : Float.NEGATIVE_INFINITY;
        scores.set(Tensor.F32, (row + s) * Float.BYTES, score);
        max = Math.max(max, score);
      }
      if (max == Float.NEGATIVE_INFINITY) {
        for (int s = 0; s < tile; s++) {
          scores.set(Tensor.F32, (row + s) * Float.BYTES, 0);
        }
        return;
      }
      if (max != state[t]) {
        float shrink = (float) Math.exp(state[t] - max);
        state[QUERIES + t] *= shrink;
        scale(outAt, shrink);
        state[t] = max;
      }
      FloatVector sum = FloatVector.zero(Lanes.F32);
      for (int s = 0; s < tile; s += Lanes.COUNT) {
        VectorMask<Float> mask = Lanes.tail(s, tile);
        FloatVector weight = Exp.exp(Lanes.load(scores, row + s, mask).sub(max));
        Lanes.store(weight, scores, row + s, mask);
        sum = sum.add(weight, mask);
      }
      state[QUERIES + t] += Lanes.sum(sum);
    }

    /** out += weights * values, for one query and one tile of keys. */
    private void accumulate(MemorySegment scores, int t, int tile, long key, long outAt) {
      long row = (long) t * KEYS;
      for (int i = 0; i < d; i += Lanes.COUNT) {
        VectorMask<Float> mask = Lanes.tail(i, d);
        FloatVector sum = Lanes.load(out, outAt + i, mask);
        for (int s = 0; s < tile; s++) {
          float weight = scores.get(Tensor.F32, (row + s) * Float.BYTES);
          sum =
              Lanes.load(v, key + s * keyStride + i, mask)
                  .fma(FloatVector.broadcast(Lanes.F32, weight), sum);
        }
        Lanes.store(sum, out, outAt + i, mask);
      }
    }

    private void scale(long at, float factor) {
      for (int i = 0; i < d; i += Lanes.COUNT) {
        VectorMask<Float> mask = Lanes.tail(i, d);
        FloatVector value =
            factor == 0
                ? FloatVector.zero(Lanes.F32) // what was there may be NaN
                : Lanes.load(out, at + i, mask).mul(factor);
        Lanes.store(value, out, at + i, mask);
      }
    }
  }
}
