package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** {@link llada.kernel.scalar.Combine} on vectors: the same bits. */
final class Combine {
  private Combine() {}

  /** Row t of c elements, from k rows of y. */
  static void row(
      MemorySegment out, MemorySegment y, int[] rows, float[] weights, int t, int k, int c) {
    for (int i = 0; i < c; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, c);
      FloatVector sum = FloatVector.zero(Lanes.F32);
      for (int j = t * k; j < t * k + k; j++) {
        sum = sum.add(Lanes.load(y, (long) rows[j] * c + i, mask).mul(weights[j]));
      }
      Lanes.store(sum, out, (long) t * c + i, mask);
    }
  }
}
