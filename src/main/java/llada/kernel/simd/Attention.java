package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import llada.kernel.Parallel;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Attention} with the keys taken in tiles and the softmax kept online
 * (Milakov and Gimelshein 2018; Dao et al. 2022): a running maximum and sum for each query, the
 * weighted values rescaled whenever a maximum grows. No T x T matrix exists at any time.
 *
 * <p>Queries are lanes. Scores are a {@link Tile} product of keys with packed queries, the output
 * one of values with weights, and the softmax between them works on each lane for itself.
 */
final class Attention {
  /** Keys in a tile: a multiple of {@link Tile#ROWS}. */
  private static final int KEYS = 8 * Tile.ROWS;

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
    int width = Tile.WIDTH;
    int panels = (queries + width - 1) / width;
    parallel.forEach(
        batch * heads * panels,
        (task, worker) -> {
          int b = task / (heads * panels);
          int h = task / panels % heads;
          int firstQuery = task % panels * width;
          long keyStride = (long) kvHeads * d;
          new Panel(
                  d,
                  k.data(),
                  v.data(),
                  (long) b * keys * keyStride + (long) (h / (heads / kvHeads)) * d,
                  keyStride,
                  scratch[worker])
              .run(
                  out.data(),
                  q.data(),
                  ((long) b * queries + firstQuery) * heads * d + (long) h * d,
                  (long) heads * d,
                  Math.min(width, queries - firstQuery),
                  keys,
                  visible,
                  b * keys);
        });
  }

  private static final int WIDTH = Tile.WIDTH;

  /** A panel of queries of one head of one sequence. All offsets and strides are in elements. */
  private static final class Panel {
    private final int d;
    private final MemorySegment k;
    private final MemorySegment v;
    private final long key0;
    private final long keyStride;
    private final float[] square;
    private final float[] query; // (d, WIDTH) packed queries
    private final float[] rows; // (KEYS, d) a tile of keys, then of values
    private final float[] state; // the four parts below, each (rows, WIDTH)
    private final int scores; // (KEYS, WIDTH) scores, then weights
    private final int sums; // (d rounded up to ROWS, WIDTH) the output so far
    private final int max; // (1, WIDTH) the largest score so far
    private final int total; // (1, WIDTH) sum so far of exp(score - max)

    Panel(int d, MemorySegment k, MemorySegment v, long key0, long keyStride, Scratch scratch) {
      this.d = d;
      this.k = k;
      this.v = v;
      this.key0 = key0;
      this.keyStride = keyStride;
      int paddedD = (d + Tile.ROWS - 1) / Tile.ROWS * Tile.ROWS;
      square = scratch.square;
      query = scratch.inputs((long) d * WIDTH);
      rows = scratch.weights((long) KEYS * d);
      state = scratch.sums((long) (KEYS + paddedD + 2) * WIDTH);
      scores = 0;
      sums = KEYS * WIDTH;
      max = sums + paddedD * WIDTH;
      total = max + WIDTH;
    }

    void run(
        MemorySegment out,
        MemorySegment q,
        long query0,
        long queryStride,
        int count,
        int keys,
        boolean[] visible,
        int firstVisible) {
      Packing.toLanes(query, 0, WIDTH, q, query0, queryStride, count, d, square);
      Arrays.fill(state, sums, total + WIDTH, 0);
      Arrays.fill(state, max, max + WIDTH, Float.NEGATIVE_INFINITY);
      for (int s = 0; s < keys; s += KEYS) {
        int tile = Math.min(KEYS, keys - s);
        scores(s, tile);
        for (int lane = 0; lane < WIDTH; lane += Lanes.COUNT) {
          softmax(lane, tile, visible, firstVisible + s);
        }
        accumulate(s, tile);
      }
      divide();
      Packing.fromLanes(out, query0, queryStride, state, sums, Tile.ROWS * WIDTH, d, count, square);
    }

    /** scores[s, t] = k[s] . q[t]. */
    private void scores(int s, int tile) {
      copyRows(k, s, tile);
      Arrays.fill(state, scores, scores + KEYS * WIDTH, 0);
      for (int r = 0; r < tile; r += Tile.ROWS) {
        Tile.multiply(
            state,
            scores + r * WIDTH,
            rows,
            r * d,
            d,
            1,
            Math.min(Tile.ROWS, tile - r),
            query,
            0,
            d);
      }
    }

    private void copyRows(MemorySegment from, int s, int tile) {
      for (int r = 0; r < tile; r++) {
        long at = key0 + (s + r) * keyStride;
        MemorySegment.copy(from, Tensor.F32, at * Float.BYTES, rows, r * d, d);
      }
    }

    /** Turns one vector's scores into weights relative to the running maximum. */
    private void softmax(int lane, int tile, boolean[] visible, int firstVisible) {
      FloatVector scale = FloatVector.broadcast(Lanes.F32, (float) (1 / Math.sqrt(d)));
      FloatVector hidden = FloatVector.broadcast(Lanes.F32, Float.NEGATIVE_INFINITY);
      FloatVector before = load(max + lane);
      FloatVector now = before;
      for (int s = 0; s < tile; s++) {
        int at = scores + s * WIDTH + lane;
        boolean seen = visible == null || visible[firstVisible + s];
        FloatVector score = seen ? load(at).mul(scale) : hidden;
        score.intoArray(state, at);
        now = now.max(score);
      }
      // A lane that has seen no key yet keeps 0 in the place of its infinite maximum.
      FloatVector base = now.blend(0f, now.eq(Float.NEGATIVE_INFINITY));
      FloatVector shrink = Exp.exp(before.sub(base));
      FloatVector sum = load(total + lane).mul(shrink);
      for (int s = 0; s < tile; s++) {
        int at = scores + s * WIDTH + lane;
        FloatVector weight = Exp.exp(load(at).sub(base));
        weight.intoArray(state, at);
        sum = sum.add(weight);
      }
      now.intoArray(state, max + lane);
      sum.intoArray(state, total + lane);
      if (!before.eq(now).allTrue()) {
        for (int i = 0; i < d; i++) {
          int at = sums + i * WIDTH + lane;
          load(at).mul(shrink).intoArray(state, at);
        }
      }
    }

    /** sums[i, t] += sum_s v[s, i] * weights[s, t]. */
    private void accumulate(int s, int tile) {
      copyRows(v, s, tile);
      for (int i = 0; i < d; i += Tile.ROWS) {
        Tile.multiply(
            state,
            sums + i * WIDTH,
            rows,
            i,
            1,
            d,
            Math.min(Tile.ROWS, d - i),
            state,
            scores,
            tile);
      }
    }

    private FloatVector load(int at) {
      return FloatVector.fromArray(Lanes.F32, state, at);
    }

    /** sums / total; a lane that saw no key gives zeros. */
    private void divide() {
      for (int lane = 0; lane < WIDTH; lane += Lanes.COUNT) {
        FloatVector sum = load(total + lane);
        FloatVector inverse = FloatVector.broadcast(Lanes.F32, 1f).div(sum).blend(0f, sum.eq(0f));
        for (int i = 0; i < d; i++) {
          int at = sums + i * WIDTH + lane;
          load(at).mul(inverse).intoArray(state, at);
        }
      }
    }
  }
}
