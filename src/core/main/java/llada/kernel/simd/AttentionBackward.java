package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import llada.kernel.Parallel;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.simd.GradientScratch.Use;
import llada.tensor.Tensor;

/**
 * The gradients of {@link llada.kernel.scalar.Attention} on vectors: a panel of queries at a time,
 * whose probabilities are computed again (Dao et al. 2022) over all keys at once, so that their
 * maximum, their sum and their mean gradient are known before they are used. Memory is keys x
 * WIDTH; no T x T matrix exists at any time.
 *
 * <p>Five {@link Tile} products: in scores, dp and dq the queries are lanes, in dk and dv the
 * channels of a head are. A task is one key-value head of one sequence with all its queries, so
 * every sum is formed by one worker, in the order of queries or keys.
 */
final class AttentionBackward {
  private static final int WIDTH = Tile.WIDTH;
  private static final int ROWS = Tile.ROWS;

  private final Tensor dq;
  private final Tensor dk;
  private final Tensor dv;
  private final Tensor dOut;
  private final Tensor q;
  private final Tensor k;
  private final Tensor v;
  private final AttentionMask mask;
  private final int queries;
  private final int keys;
  private final int heads;
  private final int kvHeads;
  private final int d;
  private final float scale;
  private final int pitch; // of a copied row; not d, whose rows would share few cache sets
  private final int channelPanels; // panels of WIDTH channels in a head

  private AttentionBackward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      AttentionMask mask) {
    this.dq = dq;
    this.dk = dk;
    this.dv = dv;
    this.dOut = dOut;
    this.q = q;
    this.k = k;
    this.v = v;
    this.mask = mask;
    heads = shape.heads();
    kvHeads = shape.kvHeads();
    queries = q.dim(0) / shape.batch();
    keys = k.dim(0) / shape.batch();
    d = q.dim(1) / heads;
    scale = (float) (1 / Math.sqrt(d));
    pitch = d + 16;
    channelPanels = (d + WIDTH - 1) / WIDTH;
  }

  static void backward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      AttentionMask mask,
      Parallel parallel,
      GradientScratch[] scratch) {
    llada.kernel.scalar.Attention.checkBackward(dq, dk, dv, dOut, q, k, v, shape, mask);
    AttentionBackward op = new AttentionBackward(dq, dk, dv, dOut, q, k, v, shape, mask);
    parallel.forEach(
        shape.batch() * op.kvHeads,
        (task, worker) -> op.group(task / op.kvHeads, task % op.kvHeads, scratch[worker]));
  }

  /** The parts of a worker's memory. */
  private record Memory(
      float[] key, // (keys, pitch)
      float[] value, // (keys, pitch)
      float[] query, // (d, WIDTH), divided by sqrt(d)
      float[] queryRows, // (channelPanels, WIDTH queries, WIDTH channels), likewise
      float[] dOut, // (d, WIDTH)
      float[] dOutRows, // (channelPanels, WIDTH queries, WIDTH channels)
      float[] p, // (keys, WIDTH), scores, then probabilities
      float[] dp, // (keys, WIDTH), then the gradient of the scores
      float[] dQuery, // (d in whole tiles, WIDTH)
      float[] dKey, // (keys in whole tiles, channelPanels, ROWS, WIDTH)
      float[] dValue, // the same
      float[] state, // (3, COUNT)
      float[] square) {}

  private void group(int b, int group, GradientScratch scratch) {
    int tiles = (keys + ROWS - 1) / ROWS;
    long wholeKeys = (long) tiles * ROWS;
    long tileSums = wholeKeys * channelPanels * WIDTH;
    long rows = (long) channelPanels * WIDTH * WIDTH;
    Memory m =
        new Memory(
            scratch.get(Use.LEFT, (long) keys * pitch),
            scratch.get(Use.VALUES, (long) keys * pitch),
            scratch.get(Use.QUERY, (long) d * WIDTH),
            scratch.get(Use.QUERY_ROWS, rows),
            scratch.get(Use.D_OUT, (long) d * WIDTH),
            scratch.get(Use.D_OUT_ROWS, rows),
            scratch.get(Use.P, wholeKeys * WIDTH),
            scratch.get(Use.DP, wholeKeys * WIDTH),
            scratch.get(Use.D_QUERY, (long) (d + ROWS) * WIDTH),
            scratch.get(Use.D_KEYS, tileSums),
            scratch.get(Use.D_VALUES, tileSums),
            scratch.get(Use.STATE, 3L * Lanes.COUNT),
            scratch.get(Use.SQUARE, 2L * Lanes.COUNT * Lanes.COUNT));
    long keyStride = (long) kvHeads * d;
    long key0 = (long) b * keys * keyStride + (long) group * d;
    for (int s = 0; s < keys; s++) {
      copy(k.data(), key0 + s * keyStride, m.key, s * pitch, d);
      copy(v.data(), key0 + s * keyStride, m.value, s * pitch, d);
    }
    Arrays.fill(m.dKey, 0, (int) tileSums, 0);
    Arrays.fill(m.dValue, 0, (int) tileSums, 0);
    for (int head = group * (heads / kvHeads); head < (group + 1) * (heads / kvHeads); head++) {
      for (int t = 0; t < queries; t += WIDTH) {
        panel(b, head, t, Math.min(WIDTH, queries - t), m);
      }
    }
    for (int s = 0; s < keys; s++) {
      for (int panel = 0; panel < channelPanels; panel++) {
        int from = (s / ROWS * channelPanels + panel) * ROWS * WIDTH + s % ROWS * WIDTH;
        int count = Math.min(WIDTH, d - panel * WIDTH);
        long to = (key0 + s * keyStride + panel * WIDTH) * Float.BYTES;
        MemorySegment.copy(m.dKey, from, dk.data(), Tensor.F32, to, count);
        MemorySegment.copy(m.dValue, from, dv.data(), Tensor.F32, to, count);
      }
    }
  }

  /** What WIDTH queries of one head give to all keys, and get from them. */
  private void panel(int b, int head, int first, int count, Memory m) {
    long stride = (long) heads * d;
    long query0 = ((long) b * queries + first) * stride + (long) head * d;
    lanes(m.query, q.data(), query0, stride, count, m.square);
    lanes(m.dOut, dOut.data(), query0, stride, count, m.square);
    rows(m.queryRows, q.data(), query0, stride, count);
    rows(m.dOutRows, dOut.data(), query0, stride, count);
    multiply(m.query, d * WIDTH, scale);
    multiply(m.queryRows, channelPanels * WIDTH * WIDTH, scale);
    int reach = 0;
    for (int t = first; t < first + count; t++) {
      reach = Math.max(reach, mask.reach(b * queries + t, keys));
    }
    int tiles = (reach + ROWS - 1) / ROWS;
    reach = Math.min(keys, tiles * ROWS); // the rows beyond a tile's are added to as well
    Arrays.fill(m.p, 0, tiles * ROWS * WIDTH, 0);
    Arrays.fill(m.dp, 0, tiles * ROWS * WIDTH, 0);
    for (int s = 0; s < reach; s += ROWS) {
      int rows = Math.min(ROWS, reach - s);
      int at = s * WIDTH;
      Tile.multiply(m.p, at, m.key, s * pitch, pitch, rows, m.query, 0, d);
      Tile.multiply(m.dp, at, m.value, s * pitch, pitch, rows, m.dOut, 0, d);
    }
    hide(m.p, b, first, count, reach);
    for (int lane = 0; lane < WIDTH; lane += Lanes.COUNT) {
      softmax(m.p, m.dp, lane, reach, m.state);
    }
    Arrays.fill(m.dQuery, 0, (d + ROWS - 1) / ROWS * ROWS * WIDTH, 0);
    for (int i = 0; i < d; i += ROWS) {
      Tile.columns(m.dQuery, i * WIDTH, m.key, i, pitch, m.dp, 0, reach);
    }
    multiply(m.dQuery, d * WIDTH, scale);
    Packing.fromLanes(dq.data(), query0, stride, m.dQuery, 0, ROWS * WIDTH, d, count, m.square);
    for (int s = 0; s < reach; s += ROWS) {
      int rows = Math.min(ROWS, reach - s);
      for (int panel = 0; panel < channelPanels; panel++) {
        int at = (s / ROWS * channelPanels + panel) * ROWS * WIDTH;
        int x0 = panel * WIDTH * WIDTH;
        Tile.multiply(m.dValue, at, m.p, s * WIDTH, WIDTH, rows, m.dOutRows, x0, count);
        Tile.multiply(m.dKey, at, m.dp, s * WIDTH, WIDTH, rows, m.queryRows, x0, count);
      }
    }
  }

  /** packed[i, t] = x[t, i], zero where there is no query. */
  private void lanes(
      float[] packed, MemorySegment x, long from, long stride, int count, float[] square) {
    Packing.toLanes(packed, 0, WIDTH, x, from, stride, count, d, square);
  }

  /** packed[panel, t, i] = x[t, panel * WIDTH + i], zero where there is no channel. */
  private void rows(float[] packed, MemorySegment x, long from, long stride, int count) {
    for (int panel = 0; panel < channelPanels; panel++) {
      int channels = Math.min(WIDTH, d - panel * WIDTH);
      for (int t = 0; t < count; t++) {
        int to = (panel * WIDTH + t) * WIDTH;
        copy(x, from + t * stride + panel * WIDTH, packed, to, channels);
        Arrays.fill(packed, to + channels, to + WIDTH, 0);
      }
    }
  }

  /** Scores of keys that a query does not see become minus infinity. */
  private void hide(float[] p, int b, int first, int count, int reach) {
    for (int s = 0; s < reach && mask.visible() != null; s++) {
      if (!mask.visible()[b * keys + s]) {
        Arrays.fill(p, s * WIDTH, (s + 1) * WIDTH, Float.NEGATIVE_INFINITY);
      }
    }
    for (int lane = 0; lane < count; lane++) {
      Attention.hide(p, lane, mask.reach(b * queries + first + lane, keys), reach);
    }
  }

  /** Of one vector of queries: p = softmax of itself, dp = p * (dp - sum p dp). */
  private static void softmax(float[] p, float[] dp, int lane, int keys, float[] state) {
    int end = keys * WIDTH + lane;
    maximum(p, lane, end, state);
    Exp.exp(p, lane, WIDTH, keys, state, 0);
    sums(p, dp, lane, end, state);
    FloatVector inverse = load(state, Lanes.COUNT);
    FloatVector mean = load(state, 2 * Lanes.COUNT);
    for (int at = lane; at < end; at += WIDTH) {
      FloatVector probability = load(p, at).mul(inverse);
      probability.intoArray(p, at);
      load(dp, at).sub(mean).mul(probability).intoArray(dp, at);
    }
  }

  private static void maximum(float[] p, int lane, int end, float[] state) {
    FloatVector max = FloatVector.broadcast(Lanes.F32, -Float.MAX_VALUE);
    for (int at = lane; at < end; at += WIDTH) {
      FloatVector score = load(p, at);
      max = score.blend(max, score.lt(max)); // NaN may be lost here, but not in the sum
    }
    max.intoArray(state, 0);
  }

  /** 1 / sum p and sum p dp / sum p; of a query that sees nothing, zeros. */
  private static void sums(float[] p, float[] dp, int lane, int end, float[] state) {
    FloatVector sum = FloatVector.zero(Lanes.F32);
    FloatVector mean = FloatVector.zero(Lanes.F32);
    for (int at = lane; at < end; at += WIDTH) {
      FloatVector e = load(p, at);
      sum = e.add(sum);
      mean = e.fma(load(dp, at), mean);
    }
    FloatVector inverse = FloatVector.broadcast(Lanes.F32, 1f).div(sum).blend(0f, sum.eq(0f));
    inverse.intoArray(state, Lanes.COUNT);
    mean.mul(inverse).intoArray(state, 2 * Lanes.COUNT);
  }

  private static void multiply(float[] values, int count, float by) {
    for (int i = 0; i < count; i++) {
      values[i] *= by;
    }
  }

  private static void copy(MemorySegment from, long element, float[] to, int at, int count) {
    MemorySegment.copy(from, Tensor.F32, element * Float.BYTES, to, at, count);
  }

  private static FloatVector load(float[] array, int at) {
    return FloatVector.fromArray(Lanes.F32, array, at);
  }
}
