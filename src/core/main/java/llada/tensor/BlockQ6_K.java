package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

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

  /** Each sub-block's best scale by {@link SymmetricSearch}; then the best code for that scale. */
  static void encode(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    SymmetricSearch search = new SymmetricSearch(16, 32);
    int[] scales = new int[SymmetricSearch.LANES];
    for (int done = 0; done < count; done += 16 * SymmetricSearch.LANES) {
      int subs = Math.min(SymmetricSearch.LANES, (count - done) / 16);
      search.load(in, at + done, subs, importance, column + done);
      search.scales();
      float[] unit = new float[SymmetricSearch.LANES]; // d of the block that a sub-block is in
      for (int first = 0; first < subs; first += 16) {
        float d = unit(search.scale, first);
        Floats.putF16(out, offset + 210 * (first / 16) + 208, d);
        Arrays.fill(unit, first, first + 16, Float.float16ToFloat(Float.floatToFloat16(d)));
      }
      search.roundScales(scales, unit, -128, 127);
      search.quantise();
      for (int first = 0; first < subs; first += 16, offset += 210) {
        pack(out, offset, search, scales, first);
      }
    }
  }

  /** The scale of the scales, such that the largest of 16 becomes -128. */
  private static float unit(float[] scale, int first) {
    float signed = 0;
    for (int sub = first; sub < first + 16; sub++) {
      if (Math.abs(scale[sub]) > Math.abs(signed)) {
        signed = scale[sub];
      }
    }
    return signed / -128;
  }

  private static void pack(
      byte[] out, int offset, SymmetricSearch search, int[] scales, int first) {
    Arrays.fill(out, offset, offset + 192, (byte) 0);
    for (int i = 0; i < 256; i++) {
      int half = i >> 7;
      int quarter = i >> 5 & 3;
      int column = i & 31;
      int q = search.code(first + (i >> 4), i & 15) + 32;
      out[offset + 64 * half + 32 * (quarter & 1) + column] |=
          (byte) ((q & 0xF) << 4 * (quarter >> 1));
      out[offset + 128 + 32 * half + column] |= (byte) (q >> 4 << 2 * quarter);
    }
    for (int sub = 0; sub < 16; sub++) {
      out[offset + 192 + sub] = (byte) scales[first + sub];
    }
  }
}
