package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import llada.tensor.Tensor;

/** Between row-major matrices and the token-in-lane order of {@link Tile}. */
final class Packing {
  private Packing() {}

  /**
   * packed[k, t] = x[t, k] for one panel of tokens; lanes without a token are zero.
   *
   * @param packed (depth, width) from index {@code packed0}
   * @param x rows from element {@code x0}, {@code stride} apart
   */
  static void toLanes(
      float[] packed,
      int packed0,
      int width,
      MemorySegment x,
      long x0,
      long stride,
      int tokens,
      int depth) {
    for (int t = 0; t < width; t++) {
      long row = x0 + t * stride;
      for (int k = 0; k < depth; k++) {
        packed[packed0 + k * width + t] =
            t < tokens ? x.get(Tensor.F32, (row + k) * Float.BYTES) : 0;
      }
    }
  }

  /**
   * out[t, r] = tile[r, t]: the way back, for the rows and tokens that exist.
   *
   * @param out rows from element {@code out0}, {@code stride} apart
   * @param tile (rows, width) from index {@code tile0}
   */
  static void fromLanes(
      MemorySegment out,
      long out0,
      long stride,
      float[] tile,
      int tile0,
      int width,
      int rows,
      int tokens) {
    for (int t = 0; t < tokens; t++) {
      long row = out0 + t * stride;
      for (int r = 0; r < rows; r++) {
        out.set(Tensor.F32, (row + r) * Float.BYTES, tile[tile0 + r * width + t]);
      }
    }
  }
}
