package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import llada.tensor.DType;
import llada.tensor.Floats;
import llada.tensor.Tensor;

/** {@link llada.kernel.scalar.CacheRows}, a row at a time; the same bits. */
final class CacheRows {
  private static final int BLOCK = 32;

  /** Added and taken away again, it leaves a float below 2^22 rounded to an integer. */
  private static final float ROUND = 0x1.8p23f;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private CacheRows() {}

  /** Row {@code i} of x to row {@code row} of the cache. */
  static void store(Tensor cache, int row, Tensor x, int i, Scratch scratch) {
    int channels = x.dim(1);
    long from = (long) i * channels * Float.BYTES;
    long rowBytes = cache.dtype().bytes(channels);
    long to = row * rowBytes;
    switch (cache.dtype()) {
      case F32 -> MemorySegment.copy(x.data(), from, cache.data(), to, rowBytes);
      case BF16 -> {
        float[] values = values(x, from, channels, scratch);
        short[] out = scratch.shorts(channels);
        bf16(out, values, channels);
        MemorySegment.copy(out, 0, cache.data(), SHORT, to, channels);
      }
      default -> {
        float[] values = values(x, from, channels, scratch);
        byte[] out = scratch.bytes((int) rowBytes);
        for (int c = 0; c < channels; c += BLOCK) {
          q8(out, c / BLOCK * DType.Q8_0.blockBytes(), values, c);
        }
        MemorySegment.copy(out, 0, cache.data(), ValueLayout.JAVA_BYTE, to, (int) rowBytes);
      }
    }
  }

  private static float[] values(Tensor x, long from, int channels, Scratch scratch) {
    float[] values = scratch.values(channels);
    MemorySegment.copy(x.data(), Tensor.F32, from, values, 0, channels);
    return values;
  }

  private static void bf16(short[] out, float[] values, int count) {
    int[] rounded = new int[Lanes.COUNT];
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector x = FloatVector.fromArray(Lanes.F32, values, i);
      IntVector bits = x.reinterpretAsInts();
      IntVector upper = bits.lanewise(VectorOperators.LSHR, 16);
      bits.add(upper.and(1))
          .add(0x7FFF)
          .lanewise(VectorOperators.LSHR, 16)
          .blend(upper.or(0x40), x.test(VectorOperators.IS_NAN).cast(Lanes.I32))
          .intoArray(rounded, 0);
      for (int lane = 0; lane < Lanes.COUNT; lane++) {
        out[i + lane] = (short) rounded[lane];
      }
    }
    for (; i < count; i++) {
      out[i] = Floats.floatToBf16(values[i]);
    }
  }

  private static void q8(byte[] out, int at, float[] values, int first) {
    FloatVector most = FloatVector.zero(Lanes.F32);
    for (int i = 0; i < BLOCK; i += Lanes.COUNT) {
      most = most.max(FloatVector.fromArray(Lanes.F32, values, first + i).abs());
    }
    float scale = most.reduceLanes(VectorOperators.MAX) / 127; // a maximum has no order
    float inverse = scale == 0 ? 0 : 1 / scale;
    short half = Float.floatToFloat16(scale);
    out[at] = (byte) half;
    out[at + 1] = (byte) (half >>> 8);
    int[] rounded = new int[Lanes.COUNT];
    for (int i = 0; i < BLOCK; i += Lanes.COUNT) {
      FloatVector.fromArray(Lanes.F32, values, first + i)
          .mul(inverse)
          .add(ROUND)
          .sub(ROUND)
          .convert(VectorOperators.F2I, 0)
          .reinterpretAsInts()
          .intoArray(rounded, 0);
      for (int lane = 0; lane < Lanes.COUNT; lane++) {
        out[at + 2 + i + lane] = (byte) rounded[lane];
      }
    }
  }

  /** Row {@code i} of the cache to row {@code i} of out. */
  static void load(Tensor out, Tensor cache, int i, Scratch scratch) {
    int channels = out.dim(1);
    long first = (long) i * channels;
    if (cache.dtype() == DType.F32) {
      MemorySegment.copy(
          cache.data(), first * Float.BYTES, out.data(), first * Float.BYTES, 4L * channels);
      return;
    }
    float[] values = scratch.values(channels);
    Decoding.decode(values, 0, cache, first, channels, scratch);
    MemorySegment.copy(values, 0, out.data(), Tensor.F32, first * Float.BYTES, channels);
  }
}
