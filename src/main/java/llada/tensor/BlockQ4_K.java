package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * GGUF's Q4_K: 256 numbers in 144 bytes, as 8 sub-blocks of 32 with a 6-bit scale and minimum each.
 *
 * <pre>
 *   byte   0..1    d      float16, scale of the scales
 *   byte   2..3    dmin   float16, scale of the minima
 *   byte   4..15   8 scales and 8 minima, 6 bits each: see {@link #scale} and {@link #min}
 *   byte  16..143  q      4 bits a number; 32 bytes hold sub-block 2j (low nibbles) and 2j+1 (high)
 *   x[i] = d * scale[i / 32] * q[i] - dmin * min[i / 32]
 * </pre>
 */
final class BlockQ4_K {
  private BlockQ4_K() {}

  static void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int done = 0; done < count; done += 256, offset += 144) {
      float d = Floats.f16(in, offset);
      float dmin = Floats.f16(in, offset + 2);
      for (int sub = 0; sub < 8; sub++) {
        float scale = d * scale(in, offset + 4, sub);
        float min = dmin * min(in, offset + 4, sub);
        int shift = 4 * (sub & 1);
        for (int i = 0; i < 32; i++) {
          int q = in.get(ValueLayout.JAVA_BYTE, offset + 16 + 32 * (sub >> 1) + i) >> shift & 0xF;
          out[at + done + 32 * sub + i] = scale * q - min;
        }
      }
    }
  }

  /**
   * Scale {@code sub} of 0..7. The 12 bytes hold the first four scales in the low six bits of bytes
   * 0..3; the last four are split: four bits in the low nibbles of bytes 8..11, two on top of bytes
   * 0..3.
   */
  static int scale(MemorySegment in, long packed, int sub) {
    return sub < 4
        ? at(in, packed + sub) & 63
        : at(in, packed + sub + 4) & 0xF | at(in, packed + sub - 4) >> 6 << 4;
  }

  /** Minimum {@code sub} of 0..7, packed as the scales are, in bytes 4..7 and the high nibbles. */
  static int min(MemorySegment in, long packed, int sub) {
    return sub < 4
        ? at(in, packed + sub + 4) & 63
        : at(in, packed + sub + 4) >> 4 | at(in, packed + sub) >> 6 << 4;
  }

  private static int at(MemorySegment in, long offset) {
    return in.get(ValueLayout.JAVA_BYTE, offset) & 0xFF;
  }

  /** Each sub-block's best scale and minimum, rounded to 6 bits, and the best codes for these. */
  static void encode(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    AffineSearch search = new AffineSearch(15);
    for (int done = 0; done < count; done += 32 * AffineSearch.LANES) {
      int subs = Math.min(AffineSearch.LANES, (count - done) / 32);
      search.run(in, at + done, subs, importance, column + done);
      for (int first = 0; first < subs; first += 8, offset += 144) {
        search.packScales(out, offset, first);
        for (int i = 0; i < 128; i++) {
          int sub = first + 2 * (i >> 5);
          int q = search.code(sub, i & 31) | search.code(sub + 1, i & 31) << 4;
          out[offset + 16 + i] = (byte) q;
        }
      }
    }
  }
}
