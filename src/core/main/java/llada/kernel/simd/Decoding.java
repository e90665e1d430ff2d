package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * {@link DType#decode} on vectors; float64, which no model is stored in, is left to it. Exact, like
 * it.
 *
 * <p>The stored bytes are first copied to an array as they are: the copy takes them from memory as
 * fast as that goes, and access to an array compiles to less than access to a segment.
 */
final class Decoding {
  /** As many 16-bit numbers as a float32 vector has lanes. */
  private static final VectorSpecies<Short> HALF =
      Lanes.bits() == 128
          ? ShortVector.SPECIES_64
          : VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.bits() / 2));

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Decoding() {}

  /**
   * Elements {@code first} to {@code first + count} to {@code out} from index {@code at}, both
   * multiples of the block length.
   */
  static void decode(float[] out, int at, Tensor weight, long first, int count, Scratch scratch) {
    DType dtype = weight.dtype();
    MemorySegment data = weight.data();
    switch (dtype) {
      case F16, BF16 -> {
        short[] raw = scratch.shorts(count);
        MemorySegment.copy(data, SHORT, dtype.bytes(first), raw, 0, count);
        if (dtype == DType.F16) {
          f16(out, at, raw, count);
        } else {
          bf16(out, at, raw, count);
        }
      }
      case F32, F64 -> dtype.decode(data, first, out, at, count);
      default -> {
        int bytes = (int) dtype.bytes(count);
        byte[] raw = scratch.bytes(bytes + Quants.SLACK);
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, dtype.bytes(first), raw, 0, bytes);
        blocks(dtype, out, at, raw, count);
      }
    }
  }

  private static void blocks(DType dtype, float[] out, int at, byte[] raw, int count) {
    switch (dtype) {
      case Q8_0 -> Quants.q8(out, at, raw, count);
      case Q4_0 -> Quants.q4(out, at, raw, count);
      case Q4_1 -> Quants.nibbles(out, at, raw, count, true, false);
      case Q5_0 -> Quants.nibbles(out, at, raw, count, false, true);
      case Q5_1 -> Quants.nibbles(out, at, raw, count, true, true);
      case IQ4_NL, MXFP4 -> Quants.levels(out, at, raw, count, dtype);
      case IQ4_XS -> KQuants.levels(out, at, raw, count);
      case Q2_K -> KQuants.q2(out, at, raw, count);
      case Q3_K -> KQuants.q3(out, at, raw, count);
      case Q4_K -> KQuants.q4(out, at, raw, count);
      case Q5_K -> KQuants.q5(out, at, raw, count);
      case Q6_K -> KQuants.q6(out, at, raw, count);
      default -> throw new IllegalArgumentException(dtype + " has no blocks");
    }
  }

  /** The compiler makes vectors of this loop, and of nothing else that the Vector API offers. */
  private static void f16(float[] out, int at, short[] raw, int count) {
    for (int i = 0; i < count; i++) {
      out[at + i] = Float.float16ToFloat(raw[i]);
    }
  }

  /** A bfloat16 number is the upper half of a float32: widened, and shifted into place. */
  private static void bf16(float[] out, int at, short[] raw, int count) {
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      ShortVector.fromArray(HALF, raw, i)
          .convertShape(VectorOperators.S2I, Lanes.I32, 0)
          .reinterpretAsInts()
          .lanewise(VectorOperators.LSHL, 16)
          .reinterpretAsFloats()
          .intoArray(out, at + i);
    }
    for (; i < count; i++) {
      out[at + i] = Float.intBitsToFloat(raw[i] << 16);
    }
  }
}
