package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * {@link llada.kernel.scalar.Rope} on vectors: the two halves of a head lie apart, as vectors like
 * it.
 */
final class Rope {
  private Rope() {}

  /** Rotates all heads of the token whose row starts at element {@code at}. */
  static void row(
      MemorySegment x,
      long at,
      int channels,
      MemorySegment cos,
      MemorySegment sin,
      int position,
      int half) {
    long table = (long) position * half;
    for (int i = 0; i < half; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, half);
      FloatVector c = Lanes.load(cos, table + i, mask);
      FloatVector s = Lanes.load(sin, table + i, mask);
      for (int head = 0; head < channels; head += 2 * half) {
        FloatVector a = Lanes.load(x, at + head + i, mask);
        FloatVector b = Lanes.load(x, at + head + half + i, mask);
        Lanes.store(a.mul(c).sub(b.mul(s)), x, at + head + i, mask);
        Lanes.store(b.mul(c).add(a.mul(s)), x, at + head + half + i, mask);
      }
    }
  }
}
