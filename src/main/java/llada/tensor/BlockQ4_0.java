package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * GGUF's Q4_0: 32 numbers in 18 bytes.
 *
 * <pre>
 *   byte  0..1   d    float16, the scale
 *   byte  2..17  q    low nibbles are numbers 0..15, high nibbles numbers 16..31
 *   x[i] = d * (q[i] - 8)
 * </pre>
 */
final class BlockQ4_0 {
  private BlockQ4_0() {}

  static void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int done = 0; done < count; done += 32, offset += 18) {
      float d = Floats.f16(in, offset);
      for (int i = 0; i < 16; i++) {
        int pair = in.get(ValueLayout.JAVA_BYTE, offset + 2 + i);
        out[at + done + i] = d * ((pair & 0xF) - 8);
        out[at + done + 16 + i] = d * ((pair >> 4 & 0xF) - 8);
      }
    }
  }
}
