package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import llada.tensor.Tensor;

/**
 * Tiles of dot products between the rows of two matrices, both with contiguous rows: out[i, j] =
 * sum_k a[i, k] * b[j, k].
 *
 * <p>A tile of 4 x 4 keeps sixteen sums in registers and spends eight loads on sixteen
 * multiply-adds, so the arithmetic units and not the loads set the pace. Each sum is formed in the
 * same order whatever the tile and the thread, so results depend on the vector width alone.
 */
final class Dot {
  private Dot() {}

  /** Rows of each side in a full tile. */
  static final int TILE = 4;

  /**
   * out[i, j] for i below rows and j below columns, tile by tile.
   *
   * @param out written at element {@code out0 + i * outStride + j}
   * @param a read at element {@code a0 + i * aStride + k}
   * @param b read at element {@code b0 + j * bStride + k}
   */
  static void block(
      MemorySegment out,
      long out0,
      long outStride,
      int rows,
      int columns,
      MemorySegment a,
      long a0,
      long aStride,
      MemorySegment b,
      long b0,
      long bStride,
      int k) {
    int i = 0;
    for (; i + TILE <= rows; i += TILE) {
      long aRow = a0 + i * aStride;
      long outRow = out0 + i * outStride;
      int j = 0;
      for (; j + TILE <= columns; j += TILE) {
        tile(out, outRow + j, outStride, a, aRow, aStride, b, b0 + j * bStride, bStride, k);
      }
      for (; j < columns; j++) {
        for (int r = 0; r < TILE; r++) {
          out.set(
              Tensor.F32,
              (outRow + r * outStride + j) * Float.BYTES,
              dot(a, aRow + r * aStride, b, b0 + j * bStride, k));
        }
      }
    }
    for (; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        out.set(
            Tensor.F32,
            (out0 + i * outStride + j) * Float.BYTES,
            dot(a, a0 + i * aStride, b, b0 + j * bStride, k));
      }
    }
  }

  /** One dot product of length k. */
  static float dot(MemorySegment a, long a0, MemorySegment b, long b0, int k) {
    FloatVector sum = FloatVector.zero(Lanes.F32);
    int i = 0;
    for (; i <= k - Lanes.COUNT; i += Lanes.COUNT) {
      sum = Lanes.load(a, a0 + i).fma(Lanes.load(b, b0 + i), sum);
    }
    if (i < k) {
      VectorMask<Float> tail = Lanes.tail(i, k);
      sum = Lanes.load(a, a0 + i, tail).fma(Lanes.load(b, b0 + i, tail), sum);
    }
    return Lanes.sum(sum);
  }

  private static void tile(
      MemorySegment out,
      long out0,
      long outStride,
      MemorySegment a,
      long a0,
      long aStride,
      MemorySegment b,
      long b0,
      long bStride,
      int k) {
    FloatVector s00 = FloatVector.zero(Lanes.F32);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s22 = s00;
    FloatVector s23 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    FloatVector s32 = s00;
    FloatVector s33 = s00;
    long a1 = a0 + aStride;
    long a2 = a1 + aStride;
    long a3 = a2 + aStride;
    long b1 = b0 + bStride;
    long b2 = b1 + bStride;
    long b3 = b2 + bStride;
    int i = 0;
    for (; i <= k - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector w0 = Lanes.load(b, b0 + i);
      FloatVector w1 = Lanes.load(b, b1 + i);
      FloatVector w2 = Lanes.load(b, b2 + i);
      FloatVector w3 = Lanes.load(b, b3 + i);
      FloatVector x = Lanes.load(a, a0 + i);
      s00 = x.fma(w0, s00);
      s01 = x.fma(w1, s01);
      s02 = x.fma(w2, s02);
      s03 = x.fma(w3, s03);
      x = Lanes.load(a, a1 + i);
      s10 = x.fma(w0, s10);
      s11 = x.fma(w1, s11);
      s12 = x.fma(w2, s12);
      s13 = x.fma(w3, s13);
      x = Lanes.load(a, a2 + i);
      s20 = x.fma(w0, s20);
      s21 = x.fma(w1, s21);
      s22 = x.fma(w2, s22);
      s23 = x.fma(w3, s23);
      x = Lanes.load(a, a3 + i);
      s30 = x.fma(w0, s30);
      s31 = x.fma(w1, s31);
      s32 = x.fma(w2, s32);
      s33 = x.fma(w3, s33);
    }
    if (i < k) {
      VectorMask<Float> tail = Lanes.tail(i, k);
      FloatVector w0 = Lanes.load(b, b0 + i, tail);
      FloatVector w1 = Lanes.load(b, b1 + i, tail);
      FloatVector w2 = Lanes.load(b, b2 + i, tail);
      FloatVector w3 = Lanes.load(b, b3 + i, tail);
      FloatVector x = Lanes.load(a, a0 + i, tail);
      s00 = x.fma(w0, s00);
      s01 = x.fma(w1, s01);
      s02 = x.fma(w2, s02);
      s03 = x.fma(w3, s03);
      x = Lanes.load(a, a1 + i, tail);
      s10 = x.fma(w0, s10);
      s11 = x.fma(w1, s11);
      s12 = x.fma(w2, s12);
      s13 = x.fma(w3, s13);
      x = Lanes.load(a, a2 + i, tail);
      s20 = x.fma(w0, s20);
      s21 = x.fma(w1, s21);
      s22 = x.fma(w2, s22);
      s23 = x.fma(w3, s23);
      x = Lanes.load(a, a3 + i, tail);
      s30 = x.fma(w0, s30);
      s31 = x.fma(w1, s31);
      s32 = x.fma(w2, s32);
      s33 = x.fma(w3, s33);
    }
    put4(out, out0, s00, s01, s02, s03);
    put4(out, out0 + outStride, s10, s11, s12, s13);
    put4(out, out0 + 2 * outStride, s20, s21, s22, s23);
    put4(out, out0 + 3 * outStride, s30, s31, s32, s33);
  }

  private static void put4(
      MemorySegment out, long at, FloatVector s0, FloatVector s1, FloatVector s2, FloatVector s3) {
    out.set(Tensor.F32, at * Float.BYTES, Lanes.sum(s0));
    out.set(Tensor.F32, (at + 1) * Float.BYTES, Lanes.sum(s1));
    out.set(Tensor.F32, (at + 2) * Float.BYTES, Lanes.sum(s2));
    out.set(Tensor.F32, (at + 3) * Float.BYTES, Lanes.sum(s3));
  }
}
