package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * GGUF's types of 32 numbers with codes of four or five bits. A block holds, without gaps, those of
 * these fields that its type has:
 *
 * <pre>
 *   d   float16, the scale; in MXFP4 one byte, an exponent: see {@link Levels#halfE8M0}
 *   m   float16, the value of code 0                                            Q4_1, Q5_1
 *   h   4 bytes: bit i is the fifth bit of number i                             Q5_0, Q5_1
 *   q   16 bytes: low nibbles are numbers 0..15, high nibbles numbers 16..31
 *   x[i] = d * levels[q[i]] + m
 * </pre>
 */
enum BlockOf32 implements DType.Decoder {
  Q4_0(false, Levels.even(-8, 16)),
  Q4_1(true, Levels.even(0, 16)),
  Q5_0(false, Levels.even(-16, 32)),
  Q5_1(true, Levels.even(0, 32)),
  IQ4_NL(false, Levels.IQ4),
  MXFP4(false, Levels.FP4);

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final boolean minimum;
  private final byte[] levels;

  BlockOf32(boolean minimum, byte[] levels) {
    this.minimum = minimum;
    this.levels = levels;
  }

  @Override
  public void decode(float[] out, int at, MemorySegment in, long offset, int count) {
    boolean fifthBits = levels.length == 32;
    int codes = (this == MXFP4 ? 1 : 2) + (minimum ? 2 : 0) + (fifthBits ? 4 : 0);
    for (int done = at; done < at + count; done += 32, offset += codes + 16) {
      float d =
          this == MXFP4
              ? Levels.halfE8M0(in.get(ValueLayout.JAVA_BYTE, offset) & 0xFF)
              : Floats.f16(in, offset);
      float m = minimum ? Floats.f16(in, offset + 2) : -0f; // what -0 is added to keeps its sign
      int fifths = fifthBits ? in.get(INT, offset + codes - 4) : 0;
      for (int i = 0; i < 16; i++) {
        int pair = in.get(ValueLayout.JAVA_BYTE, offset + codes + i) & 0xFF;
        int low = pair & 0xF | (fifths >>> i & 1) << 4;
        int high = pair >> 4 | (fifths >>> 16 + i & 1) << 4;
        out[done + i] = d * levels[low] + m;
        out[done + 16 + i] = d * levels[high] + m;
      }
    }
  }
}
