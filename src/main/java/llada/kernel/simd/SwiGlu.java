package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import llada.tensor.Tensor;

/** {@link llada.kernel.scalar.SwiGlu} on vectors. */
final class SwiGlu {
  private SwiGlu() {}

  /** Elements at a time: their exponentials stay in the first-level cache. */
  private static final int PIECE = 512;

  /** f elements from element {@code at} of all three. */
  static void row(
      MemorySegment out, MemorySegment gate, MemorySegment up, long at, int f, Scratch scratch) {
    float[] piece = scratch.parts(PIECE);
    for (int first = 0; first < f; first += PIECE) {
      piece(out, gate, up, at + first, Math.min(PIECE, f - first), piece);
    }
  }

  private static void piece(
      MemorySegment out, MemorySegment gate, MemorySegment up, long at, int count, float[] exp) {
    int whole = count / Lanes.COUNT * Lanes.COUNT;
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      load(gate, at + i).neg().intoArray(exp, i);
    }
    for (int i = whole; i < count; i++) {
      exp[i] = -gate.get(Tensor.F32, (at + i) * Float.BYTES);
    }
    Exp.exp(exp, 0, Lanes.COUNT, (count + Lanes.COUNT - 1) / Lanes.COUNT, Exp.ZERO, 0);
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      FloatVector silu = load(gate, at + i).div(FloatVector.fromArray(Lanes.F32, exp, i).add(1f));
      silu.mul(load(up, at + i)).intoMemorySegment(out, (at + i) * Float.BYTES, Lanes.ORDER);
    }
    for (int i = whole; i < count; i++) {
      long offset = (at + i) * Float.BYTES;
      float silu = gate.get(Tensor.F32, offset) / (exp[i] + 1f);
      out.set(Tensor.F32, offset, silu * up.get(Tensor.F32, offset));
    }
  }

  private static FloatVector load(MemorySegment segment, long element) {
    return FloatVector.fromMemorySegment(Lanes.F32, segment, element * Float.BYTES, Lanes.ORDER);
  }
}
