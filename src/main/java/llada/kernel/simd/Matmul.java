package llada.kernel.simd;

import java.util.Arrays;
import llada.kernel.Parallel;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Matmul} on vectors.
 *
 * <p>First x is packed, once for all weights. Then the workers take blocks of weight rows: a block
 * is expanded to float32, {@link #DEPTH} columns at a time, and multiplied tile by tile with every
 * panel of tokens, so that each weight is decoded once an op, not once a token. Block and panel are
 * sized for the second-level cache, a tile's rows for the first.
 */
final class Matmul {
  /** Weight rows in a block. */
  private static final int BLOCK = 6 * Tile.ROWS;

  /** Columns that are multiplied before the next are decoded: a multiple of every block length. */
  private static final int DEPTH = 512;

  private Matmul() {}

  static void forward(Tensor out, Tensor x, Tensor weight, Parallel parallel, Scratch[] scratch) {
    llada.kernel.scalar.Matmul.check(out, x, weight);
    int tokens = x.dim(0);
    int k = x.dim(1);
    int columns = weight.dim(0);
    int width = Tile.WIDTH;
    int panels = (tokens + width - 1) / width;
    float[] packed = scratch[0].inputs((long) panels * width * k);
    int pieces = (k + DEPTH - 1) / DEPTH; // one panel alone would keep one worker busy
    parallel.forEach(
        panels * pieces,
        (task, worker) -> {
          int panel = task / pieces;
          int k0 = task % pieces * DEPTH;
          Packing.toLanes(
              packed,
              (panel * k + k0) * width,
              width,
              x.data(),
              (long) panel * width * k + k0,
              k,
              Math.min(width, tokens - panel * width),
              Math.min(DEPTH, k - k0));
        });
    Panels panelsOfX = new Panels(packed, k, panels, tokens);
    // A small matrix is cut finer, lest a worker have nothing to do.
    int block = columns >= 2 * BLOCK * parallel.workers() ? BLOCK : Tile.ROWS;
    parallel.forEach(
        (columns + block - 1) / block,
        (index, worker) -> {
          int first = index * block;
          block(out, panelsOfX, weight, first, Math.min(block, columns - first), scratch[worker]);
        });
  }

  /**
   * The packed input.
   *
   * @param data (panels, k, WIDTH)
   */
  private record Panels(float[] data, int k, int panels, int tokens) {}

  /** Output columns {@code first} to {@code first + rows} for all tokens. */
  private static void block(
      Tensor out, Panels x, Tensor weight, int first, int rows, Scratch scratch) {
    int groups = (rows + Tile.ROWS - 1) / Tile.ROWS;
    int tile = Tile.ROWS * Tile.WIDTH;
    float[] sums = scratch.sums((long) tile * groups * x.panels());
    Arrays.fill(sums, 0, tile * groups * x.panels(), 0);
    float[] w = scratch.weights((long) BLOCK * DEPTH);
    for (int k0 = 0; k0 < x.k(); k0 += DEPTH) {
      int depth = Math.min(DEPTH, x.k() - k0);
      expand(w, weight, first, rows, k0, depth);
      for (int panel = 0; panel < x.panels(); panel++) {
        for (int group = 0; group < groups; group++) {
          Tile.multiply(
              sums,
              tile * (panel * groups + group),
              w,
              group * Tile.ROWS * depth,
              depth,
              1,
              Math.min(Tile.ROWS, rows - group * Tile.ROWS),
              x.data(),
              (panel * x.k() + k0) * Tile.WIDTH,
              depth);
        }
      }
    }
    int columns = out.dim(1);
    for (int panel = 0; panel < x.panels(); panel++) {
      Packing.fromLanes(
          out.data(),
          (long) panel * Tile.WIDTH * columns + first,
          columns,
          sums,
          tile * panel * groups,
          Tile.WIDTH,
          rows,
          Math.min(Tile.WIDTH, x.tokens() - panel * Tile.WIDTH));
    }
  }

  /** Columns k0 to k0 + depth of a block of weight rows in float32, (rows, depth). */
  private static void expand(float[] out, Tensor weight, int first, int rows, int k0, int depth) {
    int k = weight.dim(1);
    for (int r = 0; r < rows; r++) {
      Decoding.decode(out, r * depth, weight, (long) (first + r) * k + k0, depth);
    }
  }
}
