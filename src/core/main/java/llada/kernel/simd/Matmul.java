package llada.kernel.simd;

import java.util.Arrays;
import llada.kernel.Parallel;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Matmul} on vectors.
 *
 * <p>Loops around a {@link Tile}, in the manner of Goto and van de Geijn (2008):
 *
 * <pre>
 *   for 256 tokens
 *     for some rows of the weight, a task            their sums: private to a worker
 *       for a slice of the columns                   x of these: in the second-level cache
 *         for a strip of rows: expand to float32     these, too
 *           for WIDTH tokens, DEPTH columns          x of these: in the first-level cache
 *             for ROWS rows of the strip: multiply a tile
 * </pre>
 *
 * <p>A single token takes the same way with the other lanes empty, so that every sum is formed in
 * the order of k for any number of tokens. Lanes of channels would be faster for few tokens, about
 * twice for 1 and 1.1 to 1.9 times for 8, but would add in another order.
 *
 * <p>So each weight is decoded once for 256 tokens. Tasks do not wait for each other, since on a
 * busy machine a worker may be off its core at any time.
 */
final class Matmul {
  private static final int TOKENS = 256;

  /** Columns of a tile, a multiple of every block length: x of these stays near for all rows. */
  private static final int DEPTH = 256;

  /**
   * Numbers of x in a slice, 512 KB. With few tokens a slice is so wide that the weights are read
   * in long runs, which memory is far faster at: with 32 tokens, Q8_0 went from 0.53 to 0.67 of the
   * multiply-add limit by that alone.
   */
  private static final int SLICE = 128 * 1024;

  /** Numbers of a strip of expanded weights, 256 KB. */
  private static final int STRIP = 64 * 1024;

  /** The most rows of a task: the more, the less often x is read. */
  private static final int TASK = 144;

  /** A task is a multiple of so many rows, as many as the lanes of the widest vector. */
  private static final int UNIT = Tile.ROWS == 6 ? 48 : 16;

  /**
   * So many tasks for each worker, where there are rows enough: then none waits long at the end.
   */
  private static final int SHARES = 4;

  private static final int TILE = Tile.ROWS * Tile.WIDTH;

  private final Tensor out;
  private final Tensor x;
  private final Tensor weight;
  private final int tokens;
  private final int k;
  private final int panels;
  private final int slice; // columns that are expanded at a time
  private final Scratch[] scratch;
  private final float[] packed; // (panels, k, WIDTH)

  private Matmul(Tensor out, Tensor x, Tensor weight, Scratch[] scratch) {
    this.out = out;
    this.x = x;
    this.weight = weight;
    this.scratch = scratch;
    tokens = x.dim(0);
    k = x.dim(1);
    panels = (tokens + Tile.WIDTH - 1) / Tile.WIDTH;
    slice = Math.max(1, SLICE / (panels * Tile.WIDTH * DEPTH)) * DEPTH;
    packed = scratch[0].inputs((long) panels * Tile.WIDTH * k);
  }

  static void forward(Tensor out, Tensor x, Tensor weight, Parallel parallel, Scratch[] scratch) {
    llada.kernel.scalar.Matmul.check(out, x, weight);
    int tokens = x.dim(0);
    for (int t = 0; t < tokens; t += TOKENS) {
      int count = Math.min(TOKENS, tokens - t);
      new Matmul(out.rows(t, count), x.rows(t, count), weight, scratch).run(parallel);
    }
  }

  private void run(Parallel parallel) {
    int pieces = (k + DEPTH - 1) / DEPTH;
    parallel.forEach(
        panels * pieces,
        (task, worker) -> pack(task / pieces, task % pieces * DEPTH, scratch[worker]));
    int n = weight.dim(0);
    int share = n / (SHARES * parallel.workers()) / UNIT * UNIT;
    int rows = Math.clamp(share, UNIT, TASK);
    parallel.forEach(
        (n + rows - 1) / rows,
        (task, worker) -> rows(task * rows, Math.min(rows, n - task * rows), scratch[worker]));
  }

  private void pack(int panel, int k0, Scratch scratch) {
    Packing.toLanes(
        packed,
        (panel * k + k0) * Tile.WIDTH,
        Tile.WIDTH,
        x.data(),
        (long) panel * Tile.WIDTH * k + k0,
        k,
        Math.min(Tile.WIDTH, tokens - panel * Tile.WIDTH),
        Math.min(DEPTH, k - k0),
        scratch.square);
  }

  /** Output channels {@code first} to {@code first + rows} of all tokens. */
  private void rows(int first, int rows, Scratch scratch) {
    int group = panels * TILE; // sums of ROWS rows: (panels, ROWS, WIDTH)
    int groups = (rows + Tile.ROWS - 1) / Tile.ROWS;
    float[] sums = scratch.sums((long) groups * group);
    Arrays.fill(sums, 0, groups * group, 0);
    int strip = Math.max(1, STRIP / slice / Tile.ROWS) * Tile.ROWS;
    float[] w = scratch.weights((long) strip * slice);
    for (int k0 = 0; k0 < k; k0 += slice) {
      int columns = Math.min(slice, k - k0);
      for (int r = 0; r < rows; r += strip) {
        int count = Math.min(strip, rows - r);
        expand(w, first + r, count, k0, columns, scratch);
        for (int c = 0; c < columns; c += DEPTH) {
          tiles(sums, r / Tile.ROWS * group, w, c, columns, count, k0 + c);
        }
      }
    }
    for (int panel = 0; panel < panels; panel++) {
      Packing.fromLanes(
          out.data(),
          (long) panel * Tile.WIDTH * out.dim(1) + first,
          out.dim(1),
          sums,
          panel * TILE,
          group,
          rows,
          Math.min(Tile.WIDTH, tokens - panel * Tile.WIDTH),
          scratch.square);
    }
  }

  /** Adds up to DEPTH columns of x from {@code k0} times those of w from index {@code w0}. */
  private void tiles(float[] sums, int at, float[] w, int w0, int columns, int rows, int k0) {
    int depth = Math.min(DEPTH, columns - w0);
    for (int panel = 0; panel < panels; panel++) {
      int x0 = (panel * k + k0) * Tile.WIDTH;
      for (int r = 0; r < rows; r += Tile.ROWS) {
        int sum = at + (r / Tile.ROWS * panels + panel) * TILE;
        int row = w0 + r * columns;
        int count = Math.min(Tile.ROWS, rows - r);
        if (tokens - panel * Tile.WIDTH > Lanes.COUNT) {
          Tile.multiply(sums, sum, w, row, columns, count, packed, x0, depth);
        } else {
          Tile.half(sums, sum, w, row, columns, 1, count, packed, x0, depth);
        }
      }
    }
  }

  /** Columns k0 to k0 + depth of a few weight rows in float32, (rows, depth). */
  private void expand(float[] w, int first, int rows, int k0, int depth, Scratch scratch) {
    for (int r = 0; r < rows; r++) {
      Decoding.decode(w, r * depth, weight, (long) (first + r) * k + k0, depth, scratch);
    }
  }
}
