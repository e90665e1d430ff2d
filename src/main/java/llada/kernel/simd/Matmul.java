package llada.kernel.simd;

import java.util.Arrays;
import llada.kernel.Parallel;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Matmul} on vectors, for many tokens; {@link Dots} does few.
 *
 * <p>Four loops around a {@link Tile}, in the manner of Goto and van de Geijn (2008):
 *
 * <pre>
 *   for 256 tokens, for 4096 rows of the weight      sums and packed x stay of bounded size
 *     for DEPTH columns                              x of these: in the second-level cache
 *       for TASK rows, shared by the workers
 *         for ROWS rows: expand to float32           these: in the first-level cache
 *           for WIDTH tokens: multiply a tile
 * </pre>
 *
 * <p>So each weight is decoded once for 256 tokens, and neither x nor the expanded weights come
 * from further away than the second level.
 */
final class Matmul {
  private static final int TOKENS = 256;

  private static final int COLUMNS = 4096;

  /** Columns of a tile, a multiple of every block length: x of these stays near for all rows. */
  private static final int DEPTH = 512;

  /** Numbers of x that are multiplied with all rows before the next, 512 KB. */
  private static final int SLICE = 128 * 1024;

  /** Rows of a task: what a vector of output channels needs, or several of it. */
  private static final int TASK = 4 * Tile.ROWS;

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
  private final float[] sums; // (columns / ROWS, panels, ROWS, WIDTH)

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
    int groups = (Math.min(COLUMNS, weight.dim(0)) + TASK - 1) / TASK * (TASK / Tile.ROWS);
    sums = scratch[0].sums((long) groups * panels * TILE);
  }

  static void forward(Tensor out, Tensor x, Tensor weight, Parallel parallel, Scratch[] scratch) {
    llada.kernel.scalar.Matmul.check(out, x, weight);
    int tokens = x.dim(0);
    if (tokens <= Dots.TOKENS) {
      Dots.forward(out, x, weight, parallel, scratch);
      return;
    }
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
    for (int n = 0; n < weight.dim(0); n += COLUMNS) {
      int first = n;
      int columns = Math.min(COLUMNS, weight.dim(0) - n);
      for (int at = 0; at < k; at += slice) {
        int k0 = at;
        parallel.forEach(
            (columns + TASK - 1) / TASK,
            (task, worker) ->
                task(
                    first,
                    task * TASK,
                    Math.min(TASK, columns - task * TASK),
                    k0,
                    scratch[worker]));
      }
    }
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

  private void task(int first, int row, int rows, int k0, Scratch scratch) {
    int columns = Math.min(slice, k - k0);
    float[] w = scratch.weights((long) Tile.ROWS * slice);
    for (int r = row; r < row + rows; r += Tile.ROWS) {
      int count = Math.min(Tile.ROWS, row + rows - r);
      expand(w, first + r, count, k0, columns, scratch);
      int at = r / Tile.ROWS * panels * TILE;
      if (k0 == 0) {
        Arrays.fill(sums, at, at + panels * TILE, 0);
      }
      for (int c = 0; c < columns; c += DEPTH) {
        int depth = Math.min(DEPTH, columns - c);
        for (int panel = 0; panel < panels; panel++) {
          int x0 = (panel * k + k0 + c) * Tile.WIDTH;
          int sum = at + panel * TILE;
          if (tokens - panel * Tile.WIDTH > Lanes.COUNT) {
            Tile.multiply(sums, sum, w, c, columns, 1, count, packed, x0, depth);
          } else {
            Tile.half(sums, sum, w, c, columns, 1, count, packed, x0, depth);
          }
        }
      }
    }
    if (k0 + columns == k) {
      finish(first, row, rows, scratch);
    }
  }

  private void finish(int first, int row, int rows, Scratch scratch) {
    for (int panel = 0; panel < panels; panel++) {
      Packing.fromLanes(
          out.data(),
          (long) panel * Tile.WIDTH * out.dim(1) + first + row,
          out.dim(1),
          sums,
          (row / Tile.ROWS * panels + panel) * TILE,
          panels * TILE,
          rows,
          Math.min(Tile.WIDTH, tokens - panel * Tile.WIDTH),
          scratch.square);
    }
  }

  /** Columns k0 to k0 + depth of a few weight rows in float32, (rows, depth). */
  private void expand(float[] w, int first, int rows, int k0, int depth, Scratch scratch) {
    for (int r = 0; r < rows; r++) {
      Decoding.decode(w, r * depth, weight, (long) (first + r) * k + k0, depth, scratch);
    }
  }
}
