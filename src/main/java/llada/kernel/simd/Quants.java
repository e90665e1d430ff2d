package llada.kernel.simd;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The quantised types with blocks of 32, on vectors: {@code llada.tensor.BlockQ8_0} and {@code
 * BlockQ4_0} describe them. Each number is formed by the same operations in the same order as
 * there, so the results are the same to the last bit.
 */
final class Quants {
  /**
   * As many bytes as a float32 vector has lanes; at 128 bits twice as many, the fewest there are.
   */
  private static final VectorSpecies<Byte> BYTES =
      Lanes.bits() == 128
          ? ByteVector.SPECIES_64
          : VectorSpecies.of(byte.class, VectorShape.forBitSize(Lanes.bits() / 4));

  /** How many bytes beyond the last block must be readable. */
  static final int SLACK = 8;

  private Quants() {}

  static void q8(float[] out, int at, byte[] raw, int count) {
    int in = 0;
    for (int done = 0; done < count; done += 32, in += 34) {
      FloatVector d = FloatVector.broadcast(Lanes.F32, f16(raw, in));
      for (int i = 0; i < 32; i += Lanes.COUNT) {
        floats(signed(raw, in + 2 + i)).mul(d).intoArray(out, at + done + i);
      }
    }
  }

  static void q4(float[] out, int at, byte[] raw, int count) {
    int in = 0;
    for (int done = 0; done < count; done += 32, in += 18) {
      FloatVector d = FloatVector.broadcast(Lanes.F32, f16(raw, in));
      for (int i = 0; i < 16; i += Lanes.COUNT) {
        IntVector pair = unsigned(raw, in + 2 + i);
        floats(pair.and(0xF).sub(8)).mul(d).intoArray(out, at + done + i);
        floats(pair.lanewise(VectorOperators.LSHR, 4).sub(8))
            .mul(d)
            .intoArray(out, at + done + 16 + i);
      }
    }
  }

  /** The half-precision number at byte {@code at}. */
  static float f16(byte[] raw, int at) {
    return Float.float16ToFloat((short) (raw[at] & 0xFF | raw[at + 1] << 8));
  }

  /** COUNT bytes from {@code at} as signed integers. */
  static IntVector signed(byte[] raw, int at) {
    return (IntVector)
        ByteVector.fromArray(BYTES, raw, at).convertShape(VectorOperators.B2I, Lanes.I32, 0);
  }

  /** COUNT bytes from {@code at} as unsigned integers. */
  static IntVector unsigned(byte[] raw, int at) {
    return (IntVector)
        ByteVector.fromArray(BYTES, raw, at)
            .convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.I32, 0);
  }

  static FloatVector floats(IntVector integers) {
    return (FloatVector) integers.convertShape(VectorOperators.I2F, Lanes.F32, 0);
  }
}
