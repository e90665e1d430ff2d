package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.VectorMask;

/** {@link llada.kernel.scalar.Residual} on vectors. */
final class Residual {
  private Residual() {}

  /** c elements from element {@code at}. */
  static void row(MemorySegment out, MemorySegment x, MemorySegment delta, long at, int c) {
    for (int i = 0; i < c; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, c);
      Lanes.store(
          Lanes.load(x, at + i, mask).add(Lanes.load(delta, at + i, mask)), out, at + i, mask);
    }
  }
}
