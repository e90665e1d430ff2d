package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * GGUF's Q3_K: 256 numbers in 110 bytes, as 16 sub-blocks of 16 with a 6-bit scale each.
 *
 * <pre>
 *   byte    0..31   bit k of byte i is the third bit of number 32k + i
 *   byte   32..95   the low two bits, laid out as in {@link BlockQ2_K}
 *   byte   96..107  scale: four bits in bytes 96..103, low nibbles first, and two bits in bytes
 *                   104..107: bits 2k and 2k+1 of byte 104 + j are those of sub-block 4k + j
 *   byte  108..109  d    float16
 *   x[i] = d * (scale[i / 16] - 32) * (q[i] - 4)
 * </pre>
 */
final class BlockQ3_K {
  private BlockQ3_K() {}

  static void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int done = 0; done < count; done += 256, offset += 110) {
      float d = Floats.f16(in, offset + 108);
      for (int i = 0; i < 256; i++) {
        int sub = i >> 4;
        int low = in.get(ValueLayout.JAVA_BYTE, offset + 96 + (sub & 7)) >> 4 * (sub >> 3) & 0xF;
        int high = in.get(ValueLayout.JAVA_BYTE, offset + 104 + (sub & 3)) >> 2 * (sub >> 2) & 3;
        int third = in.get(ValueLayout.JAVA_BYTE, offset + (i & 31)) >> (i >> 5) & 1;
        int q = BlockQ2_K.code(in, offset + 32, i) | third << 2;
        out[at + done + i] = d * ((low | high << 4) - 32) * (q - 4);
      }
    }
  }
}
