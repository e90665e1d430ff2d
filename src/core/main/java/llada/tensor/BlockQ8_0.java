package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * GGUF's Q8_0: 32 numbers in 34 bytes.
 *
 * <pre>
 *   byte  0..1   d    float16, the scale
 *   byte  2..33  q    32 x int8
 *   x[i] = d * q[i]
 * </pre>
 */
final class BlockQ8_0 {
  // The float before 0.5: with it truncation rounds right also for the float before 0.5.
  private static final float HALF = 0.49999997f;

  private BlockQ8_0() {}

  static void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int done = 0; done < count; done += 32, offset += 34) {
      float d = Floats.f16(in, offset);
      for (int i = 0; i < 32; i++) {
        out[at + done + i] = d * in.get(ValueLayout.JAVA_BYTE, offset + 2 + i);
      }
    }
  }

  /**
   * The largest magnitude becomes 127: d = max |x| / 127, q = x / d rounded, halves away from zero.
   * As in the other programs, q comes from the d before its rounding to float16.
   */
  static void encode(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    for (int done = 0; done < count; done += 32, offset += 34) {
      int begin = at + done;
      int largest = 0; // as bits: of positive floats the larger has the larger bits
      for (int i = 0; i < 32; i++) {
        largest = Math.max(largest, Float.floatToRawIntBits(in[begin + i]) & 0x7FFF_FFFF);
      }
      float d = Float.intBitsToFloat(largest) / 127;
      float inverse = inverse(d);
      Floats.putF16(out, offset, d);
      for (int i = 0; i < 32; i++) {
        float x = in[begin + i] * inverse;
        out[offset + 2 + i] = (byte) (int) (x + Math.copySign(HALF, x));
      }
    }
  }

  /** 1 / d, or 0 if that is not finite. */
  static float inverse(float d) {
    float inverse = 1 / d;
    return Math.abs(inverse) <= Float.MAX_VALUE ? inverse : 0;
  }
}
