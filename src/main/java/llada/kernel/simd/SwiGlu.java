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

  /** f elements from element {@code at} of all five. */
  static void backwardRow(
      MemorySegment dGate,
      MemorySegment dUp,
      MemorySegment dOut,
      MemorySegment gate,
      MemorySegment up,
      long at,
      int f) {
    for (int i = 0; i < f; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, f);
      FloatVector z = Lanes.load(gate, at + i, mask);
      FloatVector d = Lanes.load(dOut, at + i, mask);
      FloatVector s = FloatVector.broadcast(Lanes.F32, 1f).div(Exp.exp(z.neg()).add(1f));
      FloatVector silu = z.mul(s);
      // s (1 + z (1 - s)) = s + silu (1 - s)
      FloatVector slope = silu.mul(s.neg().add(1f)).add(s);
      FloatVector other = Lanes.load(up, at + i, mask);
      Lanes.store(d.mul(silu), dUp, at + i, mask);
      Lanes.store(d.mul(slope).mul(other), dGate, at + i, mask);
    }
  }
}
