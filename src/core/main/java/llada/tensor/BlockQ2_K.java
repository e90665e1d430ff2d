package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * GGUF's Q2_K: 256 numbers in 84 bytes, as 16 sub-blocks of 16 with a 4-bit scale and minimum each.
 *
 * <pre>
 *   byte   0..15   scale of a sub-block in the low nibble, its minimum in the high one
 *   byte  16..79   q      2 bits a number: 32 bytes for each half of 128 numbers, of which bits 2k
 *                         and 2k+1 of byte i are number 32k + i
 *   byte  80..81   d      float16, scale of the scales
 *   byte  82..83   dmin   float16, scale of the minima
 *   x[i] = d * scale[i / 16] * q[i] - dmin * min[i / 16]
 * </pre>
 */
final class BlockQ2_K {
  private BlockQ2_K() {}

  static void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int done = 0; done < count; done += 256, offset += 84) {
      float d = Floats.f16(in, offset + 80);
      float dmin = Floats.f16(in, offset + 82);
      for (int i = 0; i < 256; i++) {
        int packed = in.get(ValueLayout.JAVA_BYTE, offset + (i >> 4)) & 0xFF;
        out[at + done + i] = d * (packed & 0xF) * code(in, offset + 16, i) - dmin * (packed >> 4);
      }
    }
  }

  /** Two bits of number {@code i} of 256. */
  static int code(MemorySegment in, long packed, int i) {
    int pairs = in.get(ValueLayout.JAVA_BYTE, packed + 32 * (i >> 7) + (i & 31));
    return pairs >> 2 * (i >> 5 & 3) & 3;
  }
}
