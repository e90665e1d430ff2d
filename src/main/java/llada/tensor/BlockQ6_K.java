package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * GGUF's Q6_K: 256 numbers in 210 bytes, as 16 sub-blocks of 16 with an int8 scale each.
 *
 * <pre>
 *   byte    0..127  low four bits: 64 bytes for each half of 128 numbers
 *   byte  128..191  high two bits: 32 bytes for each half
 *   byte  192..207  16 x int8 scale
 *   byte  208..209  d    float16
 *   within a half, quarter k holds numbers 32k .. 32k+31:
 *     low bits   byte 32 * (k &amp; 1) + i, low nibble for k = 0, 1, high nibble for k = 2, 3
 *     high bits  byte i, bits 2k and 2k+1
 *   x[i] = d * scale[i / 16] * (q[i] - 32)
 * </pre>
 */
final class BlockQ6_K {
  private BlockQ6_K() {}

  static void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int done = 0; done < count; done += 256, offset += 210) {
      float d = Floats.f16(in, offset + 208);
      for (int i = 0; i < 256; i++) {
        int half = i >> 7;
        int quarter = i >> 5 & 3;
        int column = i & 31;
        int low =
            in.get(ValueLayout.JAVA_BYTE, offset + 64 * half + 32 * (quarter & 1) + column)
                    >> 4 * (quarter >> 1)
                & 0xF;
        int high =
            in.get(ValueLayout.JAVA_BYTE, offset + 128 + 32 * half + column) >> 2 * quarter & 3;
        int scale = in.get(ValueLayout.JAVA_BYTE, offset + 192 + (i >> 4));
        out[at + done + i] = d * scale * ((low | high << 4) - 32);
      }
    }
  }
}
