package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The float types: one number a block, little-endian. */
public final class Floats {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final VarHandle SHORTS =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Floats() {}

  /** The bfloat16 number with these bits: the upper half of a float32. Exact. */
  public static float bf16ToFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** Rounds to the nearest bfloat16, ties to even; NaN stays NaN. */
  public static short floatToBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x40); // the quiet bit, lest the cut leave an infinity
    }
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }

  /** The half-precision number at byte {@code offset}. Exact. */
  static float f16(MemorySegment in, long offset) {
    return Float.float16ToFloat(in.get(SHORT, offset));
  }

  static void decodeF64(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int i = 0; i < count; i++) {
      out[at + i] = (float) in.get(DOUBLE, offset + 8L * i);
    }
  }

  static void decodeF32(float[] out, int at, MemorySegment in, long offset, int count) {
    MemorySegment.copy(in, Tensor.F32, offset, out, at, count);
  }

  static void decodeF16(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int i = 0; i < count; i++) {
      out[at + i] = f16(in, offset + 2L * i);
    }
  }

  static void decodeBF16(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int i = 0; i < count; i++) {
      out[at + i] = bf16ToFloat(in.get(SHORT, offset + 2L * i));
    }
  }

  /** Writes the nearest half-precision number, ties to even, at index {@code offset}. */
  static void putF16(byte[] out, int offset, float value) {
    SHORTS.set(out, offset, Float.floatToFloat16(value));
  }

  static void encodeF64(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    for (int i = 0; i < count; i++) {
      LONGS.set(out, offset + 8 * i, Double.doubleToRawLongBits(in[at + i]));
    }
  }

  static void encodeF32(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    for (int i = 0; i < count; i++) {
      INTS.set(out, offset + 4 * i, Float.floatToRawIntBits(in[at + i]));
    }
  }

  static void encodeF16(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    for (int i = 0; i < count; i++) {
      SHORTS.set(out, offset + 2 * i, Float.floatToFloat16(in[at + i]));
    }
  }

  static void encodeBF16(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    for (int i = 0; i < count; i++) {
      SHORTS.set(out, offset + 2 * i, floatToBf16(in[at + i]));
    }
  }
}
