package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * GGUF's Q4_K and Q5_K: 256 numbers in 144 or 176 bytes, as 8 sub-blocks of 32 with a 6-bit scale
 * and minimum each.
 *
 * <pre>
 *   d      float16, scale of the scales
 *   dmin   float16, scale of the minima
 *   12 bytes: 8 scales and 8 minima, 6 bits each: see {@link #scale} and {@link #min}
 *   Q5_K only, 32 bytes: bit {@code sub} of byte i is the fifth bit of number i of sub-block {@code
 *          sub}
 *   128 bytes: 4 bits a number; 32 bytes hold sub-block 2j (low nibbles) and 2j+1 (high)
 *   x[i] = d * scale[i / 32] * q[i] - dmin * min[i / 32]
 * </pre>
 */
enum BlockQ4_K implements DType.Decoder, DType.Encoder {
  Q4_K,
  Q5_K;

  /** Where the low four bits begin. */
  private final int lows = name().equals("Q5_K") ? 48 : 16;

  @Override
  public void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int done = 0; done < count; done += 256, offset += lows + 128) {
      float d = Floats.f16(in, offset);
      float dmin = Floats.f16(in, offset + 2);
      for (int sub = 0; sub < 8; sub++) {
        float scale = d * scale(in, offset + 4, sub);
        float min = dmin * min(in, offset + 4, sub);
        int shift = 4 * (sub & 1);
        for (int i = 0; i < 32; i++) {
          int q = at(in, offset + lows + 32 * (sub >> 1) + i) >> shift & 0xF;
          q |= this == Q5_K ? (at(in, offset + 16 + i) >> sub & 1) << 4 : 0;
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
  @Override
  public void encode(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    AffineSearch search = new AffineSearch(this == Q5_K ? 31 : 15);
    for (int done = 0; done < count; done += 32 * AffineSearch.LANES) {
      int subs = Math.min(AffineSearch.LANES, (count - done) / 32);
      search.run(in, at + done, subs, importance, column + done);
      for (int first = 0; first < subs; first += 8, offset += lows + 128) {
        search.packScales(out, offset, first);
        for (int i = 0; i < lows - 16; i++) {
          int fifths = 0;
          for (int sub = 0; sub < 8; sub++) {
            fifths |= search.code(first + sub, i) >> 4 << sub;
          }
          out[offset + 16 + i] = (byte) fifths;
        }
        for (int i = 0; i < 128; i++) {
          int sub = first + 2 * (i >> 5);
          int q = search.code(sub, i & 31) & 0xF | (search.code(sub + 1, i & 31) & 0xF) << 4;
          out[offset + lows + i] = (byte) q;
        }
      }
    }
  }
}
