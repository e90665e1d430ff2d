package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import llada.kernel.scalar.RopeTables;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Rope} on vectors: the two halves of what is turned of a head lie
 * apart, as vectors like it.
 */
final class Rope {
  // Lane j takes every second lane, from the first or the second on; twice over.
  private static final VectorShuffle<Float> EVEN =
      VectorShuffle.fromOp(Lanes.F32, lane -> 2 * lane % Lanes.COUNT);
  private static final VectorShuffle<Float> ODD =
      VectorShuffle.fromOp(Lanes.F32, lane -> 2 * lane % Lanes.COUNT + 1);
  private static final VectorMask<Float> UPPER =
      VectorMask.fromLong(Lanes.F32, -1L << Lanes.COUNT / 2);

  private Rope() {}

  /**
   * Brings all heads of a row from interleaved to half-split order.
   *
   * @param buffer at least {@code channels} long
   */
  static void halfSplit(MemorySegment x, long at, int channels, RopeTables tables, float[] buffer) {
    int half = tables.cos().dim(1);
    MemorySegment.copy(x, Tensor.F32, at * Float.BYTES, buffer, 0, channels);
    for (int head = 0; head < channels; head += tables.headDim()) {
      for (int i = 0; i < half; i += Lanes.COUNT) {
        VectorMask<Float> mask = Lanes.tail(i, half);
        FloatVector near = load(buffer, head + 2 * i, head + 2 * half);
        FloatVector far = load(buffer, head + 2 * i + Lanes.COUNT, head + 2 * half);
        FloatVector first = near.rearrange(EVEN).blend(far.rearrange(EVEN), UPPER);
        FloatVector second = near.rearrange(ODD).blend(far.rearrange(ODD), UPPER);
        Lanes.store(first, x, at + head + i, mask);
        Lanes.store(second, x, at + head + half + i, mask);
      }
    }
  }

  /** The way back, from half-split to interleaved order. */
  static void interleave(
      MemorySegment x, long at, int channels, RopeTables tables, float[] buffer) {
    int half = tables.cos().dim(1);
    MemorySegment.copy(x, Tensor.F32, at * Float.BYTES, buffer, 0, channels);
    for (int head = 0; head < channels; head += tables.headDim()) {
      for (int i = 0; i < half; i++) {
        long pair = (at + head + 2L * i) * Float.BYTES;
        x.set(Tensor.F32, pair, buffer[head + i]);
        x.set(Tensor.F32, pair + Float.BYTES, buffer[head + half + i]);
      }
    }
  }

  private static FloatVector load(float[] buffer, int at, int end) {
    return at >= end
        ? FloatVector.zero(Lanes.F32)
        : FloatVector.fromArray(Lanes.F32, buffer, at, Lanes.tail(at, end));
  }

  /** Rotates all heads of the token whose row starts at element {@code at}. */
  static void row(MemorySegment x, long at, int channels, RopeTables tables, int position) {
    MemorySegment cos = tables.cos().data();
    MemorySegment sin = tables.sin().data();
    int half = tables.cos().dim(1);
    int headDim = tables.headDim();
    long table = (long) position * half;
    for (int i = 0; i < half; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, half);
      FloatVector c = Lanes.load(cos, table + i, mask);
      FloatVector s = Lanes.load(sin, table + i, mask);
      for (int head = 0; head < channels; head += headDim) {
        FloatVector a = Lanes.load(x, at + head + i, mask);
        FloatVector b = Lanes.load(x, at + head + half + i, mask);
        Lanes.store(a.mul(c).sub(b.mul(s)), x, at + head + i, mask);
        Lanes.store(b.mul(c).add(a.mul(s)), x, at + head + half + i, mask);
      }
    }
  }

  /** Rotates a row, half-split, back: with the sines negated. */
  static void backwardRow(
      MemorySegment dx, long at, int channels, RopeTables tables, int position) {
    MemorySegment cos = tables.cos().data();
    MemorySegment sin = tables.sin().data();
    int half = tables.cos().dim(1);
    int headDim = tables.headDim();
    long table = (long) position * half;
    for (int i = 0; i < half; i += Lanes.COUNT) {
      VectorMask<Float> mask = Lanes.tail(i, half);
      FloatVector c = Lanes.load(cos, table + i, mask);
      FloatVector s = Lanes.load(sin, table + i, mask);
      for (int head = 0; head < channels; head += headDim) {
        FloatVector a = Lanes.load(dx, at + head + i, mask);
        FloatVector b = Lanes.load(dx, at + head + half + i, mask);
        Lanes.store(a.mul(c).add(b.mul(s)), dx, at + head + i, mask);
        Lanes.store(b.mul(c).sub(a.mul(s)), dx, at + head + half + i, mask);
      }
    }
  }
}
