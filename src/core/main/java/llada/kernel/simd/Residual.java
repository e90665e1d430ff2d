package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.VectorMask;

/** {@link llada.kernel.scalar.Residual} on vectors. */
final class Residual {
  private Residual() {}

  /** c elements of x and delta from elements {@code x0} and {@code delta0}, to those of x. */
  static void row(
      MemorySegment out, MemorySegment x, long x0, MemorySegment delta, long delta0, int c) {
    for (int i = 0; i < c; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, c);
      Lanes.store(
          Lanes.load(x, x0 + i, mask).add(Lanes.load(delta, delta0 + i, mask)), out, x0 + i, mask);
    }
  }
}
