package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * GGUF's Q8_0: 32 numbers in 34 bytes.
 *
 * <pre>
 *   byte  0..1   d    float16, the scale
 *   byte  2..33  q    32 x int8
 *   x[i] = d * q[i]
 * </pre>
 */
final class BlockQ8_0 {
  private BlockQ8_0() {}

  static void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    for (int done = 0; done < count; done += 32, offset += 34) {
      float d = Floats.f16(in, offset);
      for (int i = 0; i < 32; i++) {
        out[at + done + i] = d * in.get(ValueLayout.JAVA_BYTE, offset + 2 + i);
      }
    }
  }
}
