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
}
