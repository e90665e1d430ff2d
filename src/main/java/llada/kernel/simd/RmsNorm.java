package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** {@link llada.kernel.scalar.RmsNorm} on vectors. */
final class RmsNorm {
  private RmsNorm() {}

  /** Row of c elements from element {@code at}. */
  static void row(MemorySegment out, MemorySegment x, long at, float[] weight, int c, float eps) {
    FloatVector sum = FloatVector.zero(Lanes.F32);
    for (int i = 0; i < c; i += Lanes.COUNT) {
      FloatVector value = Lanes.load(x, at + i, Lanes.tail(i, c));
      sum = value.fma(value, sum);
    }
    float mean = Lanes.sum(sum) / c;
    float inverse = (float) (1.0 / Math.sqrt(mean + eps));
    for (int i = 0; i < c; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, c);
      FloatVector scale = FloatVector.fromArray(Lanes.F32, weight, i, mask);
      Lanes.store(Lanes.load(x, at + i, mask).mul(inverse).mul(scale), out, at + i, mask);
    }
  }

  /**
   * Row of c elements from element {@code at}: dx and dWeight accumulate.
   *
   * @param dWeight from index {@code to}
   */
  static void backwardRow(
      MemorySegment dx,
      float[] dWeight,
      int to,
      MemorySegment dOut,
      MemorySegment x,
      long at,
      float[] weight,
      int c,
      float eps) {
    FloatVector squares = FloatVector.zero(Lanes.F32);
    FloatVector dot = squares;
    for (int i = 0; i < c; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, c);
      FloatVector value = Lanes.load(x, at + i, mask);
      FloatVector g =
          Lanes.load(dOut, at + i, mask).mul(FloatVector.fromArray(Lanes.F32, weight, i, mask));
      squares = value.fma(value, squares);
      dot = value.fma(g, dot);
    }
    float r = (float) (1.0 / Math.sqrt(Lanes.sum(squares) / c + eps));
    float along = r * r * r / c * Lanes.sum(dot);
    for (int i = 0; i < c; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, c);
      FloatVector value = Lanes.load(x, at + i, mask);
      FloatVector d = Lanes.load(dOut, at + i, mask).mul(r);
      d.fma(value, FloatVector.fromArray(Lanes.F32, dWeight, to + i, mask))
          .intoArray(dWeight, to + i, mask);
      FloatVector g = d.mul(FloatVector.fromArray(Lanes.F32, weight, i, mask));
      g = g.sub(value.mul(along)).add(Lanes.load(dx, at + i, mask));
      Lanes.store(g, dx, at + i, mask);
    }
  }
}
