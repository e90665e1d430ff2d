package llada.kernel.simd;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import llada.kernel.Parallel;
import llada.tensor.Tensor;

/**
 * Matmul for few tokens, as a cached decoder asks for them: {@link Matmul}'s tile has a lane for
 * each token, and most would be empty. Here the lanes are channels: a sum of COUNT parts for each
 * row and token, added up at the end by {@link Lanes#sum}.
 *
 * <p>Each part is formed in the order of k, so the result of a row is the same for 1 to {@link
 * #TOKENS} tokens and any number of threads. It differs by rounding from what Matmul gives the same
 * row among more tokens, and from one vector width to another.
 *
 * <p>No transposing here, but also little reuse: 4 rows x 4 tokens take 8 loads for 16
 * multiply-adds, from the first-level cache only.
 */
final class Dots {
  /** Up to so many tokens this is the faster way. */
  static final int TOKENS = 8;

  private static final int ROWS = 4;

  /** Tokens of a tile. */
  private static final int WIDTH = 4;

  /** Columns expanded at a time: rows and tokens of this depth fit the first-level cache. */
  private static final int DEPTH = 512;

  /** Rows of a task. */
  private static final int TASK = 4 * ROWS;

  private static final int TILE = ROWS * WIDTH * Lanes.COUNT;

  private final Tensor out;
  private final Tensor weight;
  private final int tokens;
  private final int k;
  private final float[] x; // (tokens, pitch), the rest of each row zero
  private final int pitch; // k rounded up to whole vectors

  private Dots(Tensor out, Tensor x, Tensor weight, Scratch scratch) {
    this.out = out;
    this.weight = weight;
    tokens = x.dim(0);
    k = x.dim(1);
    pitch = padded(k);
    this.x = scratch.inputs((long) tokens * pitch);
    for (int t = 0; t < tokens; t++) {
      x.dtype().decode(x.data(), (long) t * k, this.x, t * pitch, k);
      Arrays.fill(this.x, t * pitch + k, (t + 1) * pitch, 0);
    }
  }

  private static int padded(int columns) {
    return (columns + Lanes.COUNT - 1) / Lanes.COUNT * Lanes.COUNT;
  }

  static void forward(Tensor out, Tensor x, Tensor weight, Parallel parallel, Scratch[] scratch) {
    Dots dots = new Dots(out, x, weight, scratch[0]);
    int rows = weight.dim(0);
    parallel.forEach(
        (rows + TASK - 1) / TASK,
        (task, worker) -> {
          int end = Math.min(rows, (task + 1) * TASK);
          for (int r = task * TASK; r < end; r += ROWS) {
            dots.rows(r, Math.min(ROWS, end - r), scratch[worker]);
          }
        });
  }

  /** A few output channels for all tokens. */
  private void rows(int first, int rows, Scratch scratch) {
    int quads = (tokens + WIDTH - 1) / WIDTH;
    float[] sums = scratch.parts(quads * TILE);
    Arrays.fill(sums, 0, quads * TILE, 0);
    float[] w = scratch.weights(ROWS * DEPTH);
    for (int k0 = 0; k0 < k; k0 += DEPTH) {
      int depth = Math.min(DEPTH, k - k0);
      int wide = padded(depth);
      for (int r = 0; r < rows; r++) {
        Decoding.decode(w, r * wide, weight, (long) (first + r) * k + k0, depth, scratch);
        Arrays.fill(w, r * wide + depth, (r + 1) * wide, 0);
      }
      for (int t = 0; t < tokens; t += WIDTH) {
        int at = t / WIDTH * TILE;
        if (tokens - t == 1) {
          multiplyOne(sums, at, w, wide, rows, x, t * pitch + k0);
        } else {
          multiply(sums, at, w, wide, rows, x, t * pitch + k0, pitch, Math.min(WIDTH, tokens - t));
        }
      }
    }
    for (int t = 0; t < tokens; t++) {
      for (int r = 0; r < rows; r++) {
        int part = (t / WIDTH * WIDTH + r) * WIDTH + t % WIDTH;
        out.set((long) t * out.dim(1) + first + r, Lanes.sum(load(sums, part * Lanes.COUNT)));
      }
    }
  }

  /** sums[r, t] += w[r, k] x[t, k], lane by lane; rows and tokens that do not exist repeat. */
  private static void multiply(
      float[] sums,
      int at,
      float[] w,
      int depth,
      int rows,
      float[] x,
      int x0,
      int pitch,
      int tokens) {
    int w1 = rows > 1 ? depth : 0;
    int w2 = rows > 2 ? 2 * depth : 0;
    int w3 = rows > 3 ? 3 * depth : 0;
    int x1 = x0 + pitch;
    int x2 = tokens > 2 ? x0 + 2 * pitch : x0;
    int x3 = tokens > 3 ? x0 + 3 * pitch : x0;
    FloatVector s00 = load(sums, at);
    FloatVector s01 = load(sums, at + Lanes.COUNT);
    FloatVector s02 = load(sums, at + 2 * Lanes.COUNT);
    FloatVector s03 = load(sums, at + 3 * Lanes.COUNT);
    FloatVector s10 = load(sums, at + 4 * Lanes.COUNT);
    FloatVector s11 = load(sums, at + 5 * Lanes.COUNT);
    FloatVector s12 = load(sums, at + 6 * Lanes.COUNT);
    FloatVector s13 = load(sums, at + 7 * Lanes.COUNT);
    FloatVector s20 = load(sums, at + 8 * Lanes.COUNT);
    FloatVector s21 = load(sums, at + 9 * Lanes.COUNT);
    FloatVector s22 = load(sums, at + 10 * Lanes.COUNT);
    FloatVector s23 = load(sums, at + 11 * Lanes.COUNT);
    FloatVector s30 = load(sums, at + 12 * Lanes.COUNT);
    FloatVector s31 = load(sums, at + 13 * Lanes.COUNT);
    FloatVector s32 = load(sums, at + 14 * Lanes.COUNT);
    FloatVector s33 = load(sums, at + 15 * Lanes.COUNT);
    for (int i = 0; i < depth; i += Lanes.COUNT) {
      FloatVector a = load(x, x0 + i);
      FloatVector b = load(x, x1 + i);
      FloatVector c = load(x, x2 + i);
      FloatVector d = load(x, x3 + i);
      FloatVector row = load(w, i);
      s00 = row.fma(a, s00);
      s01 = row.fma(b, s01);
      s02 = row.fma(c, s02);
      s03 = row.fma(d, s03);
      row = load(w, w1 + i);
      s10 = row.fma(a, s10);
      s11 = row.fma(b, s11);
      s12 = row.fma(c, s12);
      s13 = row.fma(d, s13);
      row = load(w, w2 + i);
      s20 = row.fma(a, s20);
      s21 = row.fma(b, s21);
      s22 = row.fma(c, s22);
      s23 = row.fma(d, s23);
      row = load(w, w3 + i);
      s30 = row.fma(a, s30);
      s31 = row.fma(b, s31);
      s32 = row.fma(c, s32);
      s33 = row.fma(d, s33);
    }
    s00.intoArray(sums, at);
    s01.intoArray(sums, at + Lanes.COUNT);
    s02.intoArray(sums, at + 2 * Lanes.COUNT);
    s03.intoArray(sums, at + 3 * Lanes.COUNT);
    s10.intoArray(sums, at + 4 * Lanes.COUNT);
    s11.intoArray(sums, at + 5 * Lanes.COUNT);
    s12.intoArray(sums, at + 6 * Lanes.COUNT);
    s13.intoArray(sums, at + 7 * Lanes.COUNT);
    s20.intoArray(sums, at + 8 * Lanes.COUNT);
    s21.intoArray(sums, at + 9 * Lanes.COUNT);
    s22.intoArray(sums, at + 10 * Lanes.COUNT);
    s23.intoArray(sums, at + 11 * Lanes.COUNT);
    s30.intoArray(sums, at + 12 * Lanes.COUNT);
    s31.intoArray(sums, at + 13 * Lanes.COUNT);
    s32.intoArray(sums, at + 14 * Lanes.COUNT);
    s33.intoArray(sums, at + 15 * Lanes.COUNT);
  }

  /** The same for a single token. */
  private static void multiplyOne(
      float[] sums, int at, float[] w, int depth, int rows, float[] x, int x0) {
    int w1 = rows > 1 ? depth : 0;
    int w2 = rows > 2 ? 2 * depth : 0;
    int w3 = rows > 3 ? 3 * depth : 0;
    int step = WIDTH * Lanes.COUNT;
    FloatVector s0 = load(sums, at);
    FloatVector s1 = load(sums, at + step);
    FloatVector s2 = load(sums, at + 2 * step);
    FloatVector s3 = load(sums, at + 3 * step);
    for (int i = 0; i < depth; i += Lanes.COUNT) {
      FloatVector a = load(x, x0 + i);
      s0 = load(w, i).fma(a, s0);
      s1 = load(w, w1 + i).fma(a, s1);
      s2 = load(w, w2 + i).fma(a, s2);
      s3 = load(w, w3 + i).fma(a, s3);
    }
    s0.intoArray(sums, at);
    s1.intoArray(sums, at + step);
    s2.intoArray(sums, at + 2 * step);
    s3.intoArray(sums, at + 3 * step);
  }

  private static FloatVector load(float[] array, int at) {
    return FloatVector.fromArray(Lanes.F32, array, at);
  }
}
