package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import llada.kernel.Parallel;
import llada.kernel.simd.GradientScratch.Use;
import llada.tensor.Tensor;

/**
 * Both gradients of {@link llada.kernel.scalar.Matmul} on vectors. Each is a product
 *
 * <pre>
 *   out[r, k] = sum_d left[r, d] * right[d, k]
 * </pre>
 *
 * <p>of which the right operand lies row by row as {@link Tile} reads it, lanes side by side, and
 * the output as it writes it. For dx, left is dOut and right the weight; for dWeight, left is dOut
 * transposed, a few rows at a time, and right is x. A weight of another type than float32 is
 * expanded while it is packed, some rows at a time; the product is float32.
 *
 * <p>Workers share the rows of the output, so each of its numbers is summed by one of them, in the
 * order of d.
 */
final class MatmulBackward {
  /** Rows of the output in a task. */
  private static final int TASK = 8 * Tile.ROWS;

  /** Terms of a sum that are multiplied before the next tile: a panel of them is 32 KB. */
  private static final int DEPTH = 256;

  /** Numbers of the right operand that are packed at a time, 16 MB. */
  private static final long PACKED = 4 << 20;

  private static final int TILE = Tile.ROWS * Tile.WIDTH;

  private final Tensor out;
  private final Tensor dOut;
  private final Tensor right;
  private final boolean byColumns; // left[r, d] is dOut[d, r]
  private final int rows;
  private final int terms;
  private final int k;
  private final int panels;
  private final GradientScratch[] scratch;

  private MatmulBackward(
      Tensor out, Tensor dOut, Tensor right, boolean byColumns, GradientScratch[] scratch) {
    this.out = out;
    this.dOut = dOut;
    this.right = right;
    this.byColumns = byColumns;
    this.scratch = scratch;
    rows = out.dim(0);
    k = out.dim(1);
    terms = right.dim(0);
    panels = (k + Tile.WIDTH - 1) / Tile.WIDTH;
  }

  static void input(
      Tensor dx, Tensor dOut, Tensor weight, Parallel parallel, GradientScratch[] scratch) {
    llada.kernel.scalar.Matmul.check(dOut, dx, weight);
    new MatmulBackward(dx, dOut, weight, false, scratch).run(parallel);
  }

  static void weight(
      Tensor dWeight, Tensor dOut, Tensor x, Parallel parallel, GradientScratch[] scratch) {
    llada.kernel.scalar.Matmul.checkBackwardWeight(dWeight, dOut, x);
    new MatmulBackward(dWeight, dOut, x, true, scratch).run(parallel);
  }

  private void run(Parallel parallel) {
    long width = (long) panels * Tile.WIDTH;
    int chunk = Math.clamp(PACKED / width / DEPTH, 1, 1 << 20) * DEPTH;
    // Few rows are shared out finer, lest a worker have nothing to do.
    int block = TASK;
    while (rows < 4 * block * parallel.workers() && block > Tile.ROWS) {
      block /= 2;
    }
    int step = block;
    for (int d0 = 0; d0 < terms || d0 == 0; d0 += chunk) {
      int from = d0;
      int depth = Math.min(chunk, terms - d0);
      float[] packed = scratch[0].get(Use.RIGHT, width * depth);
      parallel.forEach(
          (depth + DEPTH - 1) / DEPTH,
          (piece, worker) ->
              pack(packed, from, piece * DEPTH, Math.min(DEPTH, depth - piece * DEPTH), worker));
      parallel.forEach(
          (rows + step - 1) / step,
          (task, worker) ->
              multiply(
                  packed,
                  from,
                  depth,
                  task * step,
                  Math.min(step, rows - task * step),
                  scratch[worker]));
    }
  }

  /** Terms {@code d} to {@code d + count} of the chunk: (panels, DEPTH, WIDTH) at each DEPTH. */
  private void pack(float[] packed, int chunk0, int d, int count, int worker) {
    float[] row = scratch[worker].get(Use.ROW, (long) panels * Tile.WIDTH);
    Arrays.fill(row, k, panels * Tile.WIDTH, 0);
    for (int i = 0; i < count; i++) {
      right.dtype().decode(right.data(), (long) (chunk0 + d + i) * k, row, 0, k);
      for (int panel = 0; panel < panels; panel++) {
        int from = panel * Tile.WIDTH;
        int to = ((d * panels) + panel * count + i) * Tile.WIDTH;
        load(row, from).intoArray(packed, to);
        load(row, from + Lanes.COUNT).intoArray(packed, to + Lanes.COUNT);
      }
    }
  }

  private void multiply(
      float[] packed, int chunk0, int depth, int row, int count, GradientScratch scratch) {
    int groups = (count + Tile.ROWS - 1) / Tile.ROWS;
    float[] sums = scratch.get(Use.SUMS, (long) groups * panels * TILE);
    float[] left = scratch.get(Use.LEFT, (long) TASK * DEPTH);
    float[] square = scratch.get(Use.SQUARE, 2L * Lanes.COUNT * Lanes.COUNT);
    Arrays.fill(sums, 0, groups * panels * TILE, 0);
    for (int d = 0; d < depth; d += DEPTH) {
      int terms = Math.min(DEPTH, depth - d);
      int stride = byColumns ? (terms + Lanes.COUNT - 1) / Lanes.COUNT * Lanes.COUNT : terms;
      if (byColumns) { // left[r, d] = dOut[chunk0 + d, row + r]
        long n = dOut.dim(1);
        long from = (chunk0 + d) * n + row;
        Packing.toLanes(left, 0, stride, dOut.data(), from, n, terms, count, square);
      } else {
        rows(left, chunk0 + d, terms, row, count);
      }
      for (int panel = 0; panel < panels; panel++) {
        for (int g = 0; g < groups; g++) {
          Tile.multiply(
              sums,
              (g * panels + panel) * TILE,
              left,
              g * Tile.ROWS * stride,
              stride,
              Math.min(Tile.ROWS, count - g * Tile.ROWS),
              packed,
              (d * panels + panel * terms) * Tile.WIDTH,
              terms);
        }
      }
    }
    for (int r = 0; r < count; r++) {
      int at = r / Tile.ROWS * panels * TILE + r % Tile.ROWS * Tile.WIDTH;
      store(sums, at, row + r, byColumns || chunk0 > 0);
    }
  }

  /** left[r, d] = dOut[row + r, d0 + d]. */
  private void rows(float[] left, int d0, int terms, int row, int count) {
    for (int r = 0; r < count; r++) {
      long from = ((long) (row + r) * dOut.dim(1) + d0) * Float.BYTES;
      MemorySegment.copy(dOut.data(), Tensor.F32, from, left, r * terms, terms);
    }
  }

  private void store(float[] sums, int at, int row, boolean accumulate) {
    MemorySegment data = out.data();
    for (int i = 0; i < k; i += Lanes.COUNT) {
      int panel = i / Tile.WIDTH;
      FloatVector sum = load(sums, at + panel * TILE + i % Tile.WIDTH);
      long element = (long) row * k + i;
      if (i <= k - Lanes.COUNT) {
        long offset = element * Float.BYTES;
        if (accumulate) {
          sum = FloatVector.fromMemorySegment(Lanes.F32, data, offset, Lanes.ORDER).add(sum);
        }
        sum.intoMemorySegment(data, offset, Lanes.ORDER);
      } else {
        for (int lane = 0; lane < k - i; lane++) {
          long offset = (element + lane) * Float.BYTES;
          float before = accumulate ? data.get(Tensor.F32, offset) : 0;
          float value = sums[at + panel * TILE + i % Tile.WIDTH + lane];
          data.set(Tensor.F32, offset, before + value);
        }
      }
    }
  }

  private static FloatVector load(float[] array, int at) {
    return FloatVector.fromArray(Lanes.F32, array, at);
  }
}
