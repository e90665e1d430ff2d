package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import llada.kernel.Parallel;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Attention} with the keys taken in tiles and the softmax kept online
 * (Milakov and Gimelshein 2018; Dao et al. 2022): a running maximum and sum for each query, the
 * weighted values rescaled whenever a maximum grows. No T x T matrix exists at any time.
 *
 * <p>Queries are lanes. Scores are a {@link Tile} product of keys with packed queries, the output
 * one of values with weights, and {@link OnlineSoftmax} between them works on each lane for itself.
 * A task is a head and a few panels of queries, which share the keys and values that are copied
 * from memory; how many panels share shows in no result. Only visible keys are copied, so that a
 * padded sequence has the tiles that it has alone; a query's last tile may hold keys beyond its
 * reach, whose weight is 0.
 */
final class Attention {
  private static final int WIDTH = Tile.WIDTH;

  /**
   * Keys in a tile, the same at every width, since sums are rescaled between tiles. For T = 4096 on
   * one core, 256 keys and 256 queries reach 0.66 of the multiply-add limit, 128 and 128 0.56, 64
   * and 128 0.54.
   */
  private static final int KEYS = 256;

  /** Rows of scores: keys in whole products of {@link Tile#ROWS}. */
  private static final int SCORES = (KEYS + Tile.ROWS - 1) / Tile.ROWS * Tile.ROWS;

  /** The most queries that share a tile of keys and values. */
  private static final int QUERIES = 256;

  /** Vectors of state, see {@link OnlineSoftmax#tile}. */
  private static final int STATE = 4;

  private final Tensor out;
  private final Tensor q;
  private final Tensor k;
  private final Tensor v;
  private final int queries;
  private final int keys;
  private final int heads;
  private final int kvHeads;
  private final int[] within; // see AttentionMask.within; null when all queries see the same
  private final boolean added;
  private final int d;

  /** A copied row of keys or values is so long; not d, whose rows would share few cache sets. */
  private final int pitch;

  private Attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionShape shape, int[] within, boolean added) {
    this.out = out;
    this.q = q;
    this.k = k;
    this.v = v;
    this.within = within;
    this.added = added;
    heads = shape.heads();
    kvHeads = shape.kvHeads();
    queries = q.dim(0) / shape.batch();
    keys = k.dim(0) / shape.batch();
    d = q.dim(1) / heads;
    pitch = d + 16;
  }

  static void forward(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      AttentionMask mask,
      Parallel parallel,
      Scratch[] scratch) {
    llada.kernel.scalar.Attention.check(out, q, k, v, shape, mask);
    int batch = shape.batch();
    int heads = shape.heads();
    int[][] visibleKeys =
        llada.kernel.scalar.Attention.visibleKeys(mask.visible(), batch, k.dim(0) / batch);
    Attention attention =
        new Attention(out, q, k, v, shape, mask.within(visibleKeys), mask.added());
    int panels = (attention.queries + WIDTH - 1) / WIDTH;
    // As many panels as share well, unless a worker would have nothing to do then.
    int fair = batch * heads * panels / (4 * parallel.workers());
    int block = Math.clamp(fair, 1, Math.max(1, QUERIES / WIDTH)) * WIDTH;
    int blocks = (attention.queries + block - 1) / block;
    parallel.forEach(
        batch * heads * blocks,
        (task, worker) -> {
          int first = task % blocks * block;
          int count = Math.min(block, attention.queries - first);
          int head = task / blocks % heads;
          int b = task / blocks / heads;
          int step = attention.mayShare(b, head, first, count, visibleKeys[b]) ? count : 1;
          for (int t = first; t < first + count; t += step) {
            attention.block(b, head, t, step, visibleKeys[b], scratch[worker]);
          }
        });
  }

  private long headOfFirstKey(int b, int head) {
    return (long) b * keys * kvHeads * d + (long) (head / (heads / kvHeads)) * d;
  }

  private boolean mayShare(int b, int head, int first, int count, int[] visibleKeys) {
    int row = b * queries + first;
    return added
        || llada.kernel.scalar.Attention.finiteBetween(
            v, headOfFirstKey(b, head), d, visibleKeys, within, row, row + count);
  }

  /** The parts of a worker's memory, as indices into arrays. */
  private record Block(
      float[] query, // (panels, d, WIDTH), packed and divided by sqrt(d)
      float[] key, // (KEYS, pitch)
      float[] value, // (KEYS, pitch)
      float[] scores, // (SCORES, WIDTH), then weights
      float[] sums, // (panels, d in whole tiles, WIDTH), the weighted values so far
      float[] state) {} // (panels, STATE, WIDTH), see OnlineSoftmax

  /** A few panels of queries of one head of one sequence. */
  private void block(int b, int head, int first, int count, int[] visibleKeys, Scratch scratch) {
    int panels = (count + WIDTH - 1) / WIDTH;
    int rows = (d + Tile.ROWS - 1) / Tile.ROWS * Tile.ROWS;
    Block block =
        new Block(
            scratch.inputs((long) panels * d * WIDTH),
            scratch.weights((long) KEYS * pitch),
            scratch.values((long) KEYS * pitch),
            scratch.parts((long) SCORES * WIDTH),
            scratch.sums((long) panels * rows * WIDTH),
            scratch.state((long) panels * STATE * WIDTH));
    long stride = (long) heads * d;
    long query0 = ((long) b * queries + first) * stride + (long) head * d;
    float scale = (float) (1 / Math.sqrt(d));
    Arrays.fill(block.sums, 0, panels * rows * WIDTH, 0);
    for (int p = 0; p < panels; p++) {
      int tokens = Math.min(WIDTH, count - p * WIDTH);
      Packing.toLanes(
          block.query,
          p * d * WIDTH,
          WIDTH,
          q.data(),
          query0 + p * WIDTH * stride,
          stride,
          tokens,
          d,
          scratch.square);
      Arrays.fill(block.state, STATE * p * WIDTH, (STATE * p + 1) * WIDTH, Float.NEGATIVE_INFINITY);
      Arrays.fill(block.state, (STATE * p + 1) * WIDTH, (STATE * p + 2) * WIDTH, 0);
    }
    for (int i = 0; i < panels * d * WIDTH; i++) {
      block.query[i] *= scale;
    }
    long keyStride = (long) kvHeads * d;
    long key0 = headOfFirstKey(b, head);
    int row0 = b * queries + first;
    int reach = within == null || added ? visibleKeys.length : 0;
    for (int row = row0; within != null && row < row0 + count; row++) {
      reach = Math.max(reach, within[row]);
    }
    for (int s = 0; s < reach; s += KEYS) {
      int tile = Math.min(KEYS, reach - s);
      for (int i = 0; i < tile; i++) {
        long from = (key0 + visibleKeys[s + i] * keyStride) * Float.BYTES;
        MemorySegment.copy(k.data(), Tensor.F32, from, block.key, i * pitch, d);
        MemorySegment.copy(v.data(), Tensor.F32, from, block.value, i * pitch, d);
      }
      for (int p = 0; p < panels; p++) {
        boolean half = count - p * WIDTH <= Lanes.COUNT;
        scores(block, p, tile, half);
        mask(block.scores, s, tile, row0 + p * WIDTH, Math.min(WIDTH, count - p * WIDTH));
        for (int lane = 0; lane < (half ? Lanes.COUNT : WIDTH); lane += Lanes.COUNT) {
          int state0 = STATE * p * WIDTH + lane;
          int sums0 = p * rows * WIDTH + lane;
          OnlineSoftmax.tile(block.scores, lane, tile, block.state, state0, block.sums, sums0, d);
        }
        accumulate(block, p * rows * WIDTH, tile, half);
      }
    }
    for (int p = 0; p < panels; p++) {
      int tokens = Math.min(WIDTH, count - p * WIDTH);
      int sums0 = p * rows * WIDTH;
      for (int lane = 0; lane < WIDTH; lane += Lanes.COUNT) {
        OnlineSoftmax.divide(block.state, STATE * p * WIDTH + lane, block.sums, sums0 + lane, d);
      }
      Packing.fromLanes(
          out.data(),
          query0 + p * WIDTH * stride,
          stride,
          block.sums,
          sums0,
          Tile.ROWS * WIDTH,
          d,
          tokens,
          scratch.square);
    }
  }

  /** scores[s, t] = k[s] . q[t] / sqrt(d). */
  private void scores(Block block, int panel, int tile, boolean half) {
    Arrays.fill(block.scores, 0, SCORES * WIDTH, 0);
    for (int r = 0; r < tile; r += Tile.ROWS) {
      int rows = Math.min(Tile.ROWS, tile - r);
      int query0 = panel * d * WIDTH;
      int at = r * WIDTH;
      int key = r * pitch;
      if (half) {
        Tile.half(block.scores, at, block.key, key, pitch, 1, rows, block.query, query0, d);
      } else {
        Tile.multiply(block.scores, at, block.key, key, pitch, rows, block.query, query0, d);
      }
    }
  }

  /**
   * Of a tile from visible key s on: hides what a query does not reach, or adds to what it does.
   */
  private void mask(float[] scores, int s, int tile, int row, int tokens) {
    for (int lane = 0; within != null && lane < tokens; lane++) {
      int seen = Math.clamp((long) within[row + lane] - s, 0, tile);
      for (int i = 0; added && i < seen; i++) {
        scores[i * WIDTH + lane] += 1;
      }
      if (!added) {
        hide(scores, lane, seen, tile);
      }
    }
  }

  /** Scores of minus infinity for one query of a panel, from one key up to another. */
  static void hide(float[] scores, int lane, int from, int to) {
    for (int s = from; s < to; s++) {
      scores[s * WIDTH + lane] = Float.NEGATIVE_INFINITY;
    }
  }

  /** sums[i, t] += sum_s v[s, i] * weights[s, t]. */
  private void accumulate(Block block, int sums0, int tile, boolean half) {
    for (int i = 0; i < d; i += Tile.ROWS) {
      int rows = Math.min(Tile.ROWS, d - i);
      int at = sums0 + i * WIDTH;
      if (half) {
        Tile.half(block.sums, at, block.value, i, 1, pitch, rows, block.scores, 0, tile);
      } else {
        Tile.columns(block.sums, at, block.value, i, pitch, block.scores, 0, tile);
      }
    }
  }
}
