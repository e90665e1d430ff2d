package llada.tensor;

/** The encoder of GGUF's Q4_0: 32 numbers in 18 bytes, as {@link BlockOf32} describes them. */
final class BlockQ4_0 {
  private BlockQ4_0() {}

  /**
   * The value of largest magnitude, with its sign, becomes -8: d = x_max / -8, q = x / d + 8.5 cut
   * off and at most 15. With an importance, d is searched for: see {@link SymmetricSearch}.
   */
  static void encode(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    if (importance != null) {
      encodeSearching(out, offset, in, at, count, importance, column);
      return;
    }
    for (int done = 0; done < count; done += 32, offset += 18) {
      int begin = at + done;
      float largest = 0;
      float signed = 0;
      for (int i = 0; i < 32; i++) {
        float x = in[begin + i];
        if (Math.abs(x) > largest) {
          largest = Math.abs(x);
          signed = x;
        }
      }
      float d = signed / -8;
      float inverse = BlockQ8_0.inverse(d);
      Floats.putF16(out, offset, d);
      for (int i = 0; i < 16; i++) {
        int low = Math.min(15, (int) (in[begin + i] * inverse + 8.5f));
        int high = Math.min(15, (int) (in[begin + 16 + i] * inverse + 8.5f));
        out[offset + 2 + i] = (byte) (low | high << 4);
      }
    }
  }

  private static void encodeSearching(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    SymmetricSearch search = new SymmetricSearch(32, 8);
    for (int done = 0; done < count; done += 32 * SymmetricSearch.LANES) {
      int blocks = Math.min(SymmetricSearch.LANES, (count - done) / 32);
      search.load(in, at + done, blocks, importance, column + done);
      search.scales();
      for (int b = 0; b < blocks; b++) {
        Floats.putF16(out, offset + 18 * b, search.scale[b]);
        search.scale[b] = Float.float16ToFloat(Float.floatToFloat16(search.scale[b]));
      }
      search.quantise();
      for (int b = 0; b < blocks; b++, offset += 18) {
        for (int i = 0; i < 16; i++) {
          out[offset + 2 + i] = (byte) (search.code(b, i) + 8 | search.code(b, 16 + i) + 8 << 4);
        }
      }
    }
  }
}
