package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * GGUF's Q5_K: 256 numbers in 176 bytes; Q4_K with a fifth bit for each number.
 *
 * <pre>
 *   byte   0..1    d      float16, scale of the scales
 *   byte   2..3    dmin   float16, scale of the minima
 *   byte   4..15   8 scales and 8 minima, packed as in {@link BlockQ4_K}
 *   byte  16..47   bit {@code sub} of byte i is the fifth bit of number i of sub-block {@code sub}
 *   byte  48..175  the low four bits, laid out as in {@link BlockQ4_K}
 *   x[i] = d * scale[i / 32] * q[i] - dmin * min[i / 32]
 * </pre>
 */
final class BlockQ5_K {
  private BlockQ5_K() {}

  static void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int done = 0; done < count; done += 256, offset += 176) {
      float d = Floats.f16(in, offset);
      float dmin = Floats.f16(in, offset + 2);
      for (int sub = 0; sub < 8; sub++) {
        float scale = d * BlockQ4_K.scale(in, offset + 4, sub);
        float min = dmin * BlockQ4_K.min(in, offset + 4, sub);
        int shift = 4 * (sub & 1);
        for (int i = 0; i < 32; i++) {
          int low = in.get(ValueLayout.JAVA_BYTE, offset + 48 + 32 * (sub >> 1) + i) >> shift & 0xF;
          int fifth = in.get(ValueLayout.JAVA_BYTE, offset + 16 + i) >> sub & 1;
          out[at + done + 32 * sub + i] = scale * (low | fifth << 4) - min;
        }
      }
    }
  }

  /** As {@link BlockQ4_K#encode}, with codes up to 31. */
  static void encode(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    AffineSearch search = new AffineSearch(31);
    for (int done = 0; done < count; done += 32 * AffineSearch.LANES) {
      int subs = Math.min(AffineSearch.LANES, (count - done) / 32);
      search.run(in, at + done, subs, importance, column + done);
      for (int first = 0; first < subs; first += 8, offset += 176) {
        search.packScales(out, offset, first);
        for (int i = 0; i < 32; i++) {
          int fifths = 0;
          for (int sub = 0; sub < 8; sub++) {
            fifths |= search.code(first + sub, i) >> 4 << sub;
          }
          out[offset + 16 + i] = (byte) fifths;
        }
        for (int i = 0; i < 128; i++) {
          int sub = first + 2 * (i >> 5);
          int q = search.code(sub, i & 31) & 0xF | (search.code(sub + 1, i & 31) & 0xF) << 4;
          out[offset + 48 + i] = (byte) q;
        }
      }
    }
  }
}
