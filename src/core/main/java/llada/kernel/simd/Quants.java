package llada.kernel.simd;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import llada.tensor.DType;
import llada.tensor.Levels;

/**
 * The quantised types with blocks of 32, on vectors: {@code llada.tensor.BlockQ8_0} and {@code
 * BlockOf32} describe them. Each number is formed by the same operations in the same order as
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

  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  /** Bytes beyond the last block: what a vector reads too many, and 32 that are written. */
  static final int SLACK = 8 + 32;

  private static final IntVector LANE = IntVector.zero(Lanes.I32).addIndex(1);
  private static final ByteVector FP4 = table(DType.MXFP4);
  static final ByteVector IQ4 = table(DType.IQ4_NL);

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

  /** Q4_1, Q5_0 and Q5_1: with a minimum or an offset, with or without fifth bits. */
  static void nibbles(
      float[] out, int at, byte[] raw, int count, boolean minimum, boolean fifthBits) {
    int offset = minimum ? 0 : 16;
    int codes = (minimum ? 4 : 2) + (fifthBits ? 4 : 0);
    int in = 0;
    for (int done = at; done < at + count; done += 32, in += codes + 16) {
      FloatVector d = FloatVector.broadcast(Lanes.F32, f16(raw, in));
      FloatVector m = FloatVector.broadcast(Lanes.F32, minimum ? f16(raw, in + 2) : -0f);
      int fifths = fifthBits ? (int) INT.get(raw, in + codes - 4) : 0;
      for (int i = 0; i < 16; i += Lanes.COUNT) {
        IntVector pair = unsigned(raw, in + codes + i);
        IntVector low = pair.and(0xF).or(fifth(fifths >>> i));
        IntVector high = pair.lanewise(VectorOperators.LSHR, 4).or(fifth(fifths >>> 16 + i));
        floats(low.sub(offset)).mul(d).add(m).intoArray(out, done + i);
        floats(high.sub(offset)).mul(d).add(m).intoArray(out, done + 16 + i);
      }
    }
  }

  /** 16 in the lanes whose bit is set. */
  private static IntVector fifth(int bits) {
    return IntVector.broadcast(Lanes.I32, bits)
        .lanewise(VectorOperators.LSHR, LANE)
        .and(1)
        .lanewise(VectorOperators.LSHL, 4);
  }

  /** IQ4_NL and MXFP4, whose codes stand for numbers of a table. */
  static void levels(float[] out, int at, byte[] raw, int count, DType dtype) {
    boolean halves = dtype == DType.IQ4_NL;
    ByteVector table = halves ? IQ4 : FP4;
    int codes = halves ? 2 : 1;
    int spare = count / 32 * (codes + 16);
    for (int done = 0, in = 0; done < count; done += 32, in += codes + 16) {
      float d = halves ? f16(raw, in) : Levels.halfE8M0(raw[in] & 0xFF);
      levels(out, at + done, raw, in + codes, spare, d, table);
    }
  }

  /** d times the levels of 32 codes from byte {@code codes}, which byte {@code spare} takes. */
  static void levels(
      float[] out, int at, byte[] raw, int codes, int spare, float d, ByteVector table) {
    ByteVector pair = ByteVector.fromArray(ByteVector.SPECIES_128, raw, codes);
    pair.and((byte) 0xF).selectFrom(table).intoArray(raw, spare);
    pair.lanewise(VectorOperators.LSHR, 4).selectFrom(table).intoArray(raw, spare + 16);
    FloatVector scale = FloatVector.broadcast(Lanes.F32, d);
    for (int i = 0; i < 32; i += Lanes.COUNT) {
      floats(signed(raw, spare + i)).mul(scale).intoArray(out, at + i);
    }
  }

  private static ByteVector table(DType dtype) {
    return ByteVector.fromArray(ByteVector.SPECIES_128, Levels.of(dtype), 0);
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
