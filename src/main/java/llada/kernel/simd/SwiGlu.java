package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** {@link llada.kernel.scalar.SwiGlu} on vectors. */
final class SwiGlu {
  private SwiGlu() {}

  /** f elements from element {@code at} of all three. */
  static void row(MemorySegment out, MemorySegment gate, MemorySegment up, long at, int f) {
    for (int i = 0; i < f; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, f);
      FloatVector z = Lanes.load(gate, at + i, mask);
      FloatVector silu = z.div(Exp.exp(z.neg()).add(1f));
      Lanes.store(silu.mul(Lanes.load(up, at + i, mask)), out, at + i, mask);
    }
  }
}
