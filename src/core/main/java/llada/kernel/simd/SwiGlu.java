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

  /** f elements from element {@code at} of all five. */
  static void backwardRow(
      MemorySegment dGate,
      MemorySegment dUp,
      MemorySegment dOut,
      MemorySegment gate,
      MemorySegment up,
      long at,
      int f,
      Scratch scratch) {
    float[] exp = scratch.parts(PIECE);
    for (int first = 0; first < f; first += PIECE) {
      int count = Math.min(PIECE, f - first);
      exponentials(gate, at + first, count, exp);
      int whole = count / Lanes.COUNT * Lanes.COUNT;
      for (int i = 0; i < whole; i += Lanes.COUNT) {
        long element = at + first + i;
        FloatVector s =
            FloatVector.broadcast(Lanes.F32, 1f)
                .div(FloatVector.fromArray(Lanes.F32, exp, i).add(1f));
        FloatVector silu = load(gate, element).mul(s);
        // s (1 + z (1 - s)) = s + silu (1 - s)
        FloatVector slope = s.neg().add(1f).fma(silu, s);
        FloatVector d = load(dOut, element);
        FloatVector other = load(up, element);
        d.mul(silu).intoMemorySegment(dUp, element * Float.BYTES, Lanes.ORDER);
        d.mul(slope).mul(other).intoMemorySegment(dGate, element * Float.BYTES, Lanes.ORDER);
      }
      for (int i = whole; i < count; i++) {
        long offset = (at + first + i) * Float.BYTES;
        float s = 1 / (exp[i] + 1);
        float silu = gate.get(Tensor.F32, offset) * s;
        float d = dOut.get(Tensor.F32, offset);
        float other = up.get(Tensor.F32, offset);
        dUp.set(Tensor.F32, offset, d * silu);
        dGate.set(Tensor.F32, offset, d * (s + silu * (1 - s)) * other);
      }
    }
  }

  /** exp[i] = exp(-gate[at + i]). */
  private static void exponentials(MemorySegment gate, long at, int count, float[] exp) {
    int whole = count / Lanes.COUNT * Lanes.COUNT;
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      load(gate, at + i).neg().intoArray(exp, i);
    }
    for (int i = whole; i < count; i++) {
      exp[i] = -gate.get(Tensor.F32, (at + i) * Float.BYTES);
    }
    Exp.exp(exp, 0, Lanes.COUNT, (count + Lanes.COUNT - 1) / Lanes.COUNT, Exp.ZERO, 0);
  }

  private static void piece(
      MemorySegment out, MemorySegment gate, MemorySegment up, long at, int count, float[] exp) {
    int whole = count / Lanes.COUNT * Lanes.COUNT;
    exponentials(gate, at, count, exp);
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
