package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import llada.tensor.Tensor;

/** {@link llada.kernel.scalar.RmsNorm} on vectors. */
final class RmsNorm {
  private RmsNorm() {}

  /** Row of c elements from element {@code at}; weight is (C). */
  static void row(
      MemorySegment out, MemorySegment x, long at, MemorySegment weight, int c, float eps) {
    int whole = c / Lanes.COUNT * Lanes.COUNT;
    FloatVector squares = FloatVector.zero(Lanes.F32);
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      FloatVector value = load(x, at + i);
      squares = value.fma(value, squares);
    }
    float sum = Lanes.sum(squares);
    for (int i = whole; i < c; i++) {
      float value = x.get(Tensor.F32, (at + i) * Float.BYTES);
      sum = Math.fma(value, value, sum);
    }
    float inverse = (float) (1.0 / Math.sqrt(sum / c + eps));
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      load(x, at + i)
          .mul(inverse)
          .mul(load(weight, i))
          .intoMemorySegment(out, (at + i) * Float.BYTES, Lanes.ORDER);
    }
    for (int i = whole; i < c; i++) {
      long offset = (at + i) * Float.BYTES;
      float scale = weight.get(Tensor.F32, (long) i * Float.BYTES);
      out.set(Tensor.F32, offset, x.get(Tensor.F32, offset) * inverse * scale);
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
    int whole = c / Lanes.COUNT * Lanes.COUNT;
    FloatVector squares = FloatVector.zero(Lanes.F32);
    FloatVector dot = FloatVector.zero(Lanes.F32);
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      FloatVector value = load(x, at + i);
      squares = value.fma(value, squares);
      dot = load(dOut, at + i).mul(FloatVector.fromArray(Lanes.F32, weight, i)).fma(value, dot);
    }
    float square = Lanes.sum(squares);
    float product = Lanes.sum(dot);
    for (int i = whole; i < c; i++) {
      float value = x.get(Tensor.F32, (at + i) * Float.BYTES);
      square += value * value;
      product += dOut.get(Tensor.F32, (at + i) * Float.BYTES) * weight[i] * value;
    }
    float r = (float) (1.0 / Math.sqrt(square / c + eps));
    float along = r * r * r / c * product;
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      FloatVector value = load(x, at + i);
      FloatVector d = load(dOut, at + i).mul(r);
      d.fma(value, FloatVector.fromArray(Lanes.F32, dWeight, to + i)).intoArray(dWeight, to + i);
      FloatVector g = d.mul(FloatVector.fromArray(Lanes.F32, weight, i));
      load(dx, at + i)
          .add(g.sub(value.mul(along)))
          .intoMemorySegment(dx, (at + i) * Float.BYTES, Lanes.ORDER);
    }
    for (int i = whole; i < c; i++) {
      long offset = (at + i) * Float.BYTES;
      float value = x.get(Tensor.F32, offset);
      float d = dOut.get(Tensor.F32, offset) * r;
      dWeight[to + i] += d * value;
      dx.set(Tensor.F32, offset, dx.get(Tensor.F32, offset) + (d * weight[i] - value * along));
    }
  }

  private static FloatVector load(MemorySegment segment, long element) {
    return FloatVector.fromMemorySegment(Lanes.F32, segment, element * Float.BYTES, Lanes.ORDER);
  }
}
