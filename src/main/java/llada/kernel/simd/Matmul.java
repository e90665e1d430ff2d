package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import llada.kernel.Parallel;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Matmul} on vectors. The weight's rows are cut into panels; a worker
 * expands one panel to float32 (float32 weights are used where they lie) and multiplies it with all
 * rows of x, so each weight is decoded once an op, not once a token.
 */
final class Matmul {
  /**
   * Weight rows in a panel: 16 rows of 4096 channels are 256 KiB, which a second-level cache holds.
   */
  private static final int PANEL = 16;

  private Matmul() {}

  static void forward(Tensor out, Tensor x, Tensor weight, Parallel parallel, Scratch[] scratch) {
    llada.kernel.scalar.Matmul.check(out, x, weight);
    int rows = x.dim(0);
    int k = x.dim(1);
    int columns = weight.dim(0);
    int panels = (columns + PANEL - 1) / PANEL;
    parallel.forEach(
        panels,
        (panel, worker) -> {
          int first = panel * PANEL;
          int count = Math.min(PANEL, columns - first);
          MemorySegment b = weight.data();
          long b0 = (long) first * k;
          if (weight.dtype() != DType.F32) {
            b = expand(weight, first, count, k, scratch[worker]);
            b0 = 0;
          }
          Dot.block(out.data(), first, columns, rows, count, x.data(), 0, k, b, b0, k, k);
        });
  }

  private static MemorySegment expand(Tensor weight, int first, int count, int k, Scratch scratch) {
    MemorySegment panel = scratch.floats((long) PANEL * k);
    float[] row = scratch.row(k);
    for (int r = 0; r < count; r++) {
      weight.dtype().decode(weight.data(), (long) (first + r) * k, row, 0, k);
      MemorySegment.copy(row, 0, panel, Tensor.F32, (long) r * k * Float.BYTES, k);
    }
    return panel;
  }
}
