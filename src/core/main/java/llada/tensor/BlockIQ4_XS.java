package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * GGUF's IQ4_XS: 256 numbers in 136 bytes, as 8 sub-blocks of 32 with a 6-bit scale each.
 *
 * <pre>
 *   byte  0..1    d       float16
 *   byte  2..3    the high two bits of the scales, sub-block 0 lowest
 *   byte  4..7    their low four bits, low nibbles first
 *   byte  8..135  q       16 bytes a sub-block: low nibbles are numbers 0..15 of it, high 16..31
 *   x[i] = d * (scale[i / 32] - 32) * levels[q[i]]
 * </pre>
 */
final class BlockIQ4_XS {
  private BlockIQ4_XS() {}

  static void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int done = 0; done < count; done += 256, offset += 136) {
      float d = Floats.f16(in, offset);
      for (int sub = 0; sub < 8; sub++) {
        int low = in.get(ValueLayout.JAVA_BYTE, offset + 4 + (sub >> 1)) >> 4 * (sub & 1) & 0xF;
        int high = in.get(ValueLayout.JAVA_BYTE, offset + 2 + (sub >> 2)) >> 2 * (sub & 3) & 3;
        float scale = d * ((low | high << 4) - 32);
        for (int i = 0; i < 32; i++) {
          int q = in.get(ValueLayout.JAVA_BYTE, offset + 8 + 16 * sub + (i & 15)) >> (i & 16) / 4;
          out[at + done + 32 * sub + i] = scale * Levels.IQ4[q & 0xF];
        }
      }
    }
  }
}
