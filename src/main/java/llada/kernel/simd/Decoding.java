package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * {@link DType#decode} on vectors where there is one; every other type is left to the scalar
 * decoder. Exact, like it.
 */
final class Decoding {
  /** As many 16-bit numbers as a float32 vector has lanes. */
  private static final VectorSpecies<Short> HALF =
      Lanes.bits() == 128
          ? ShortVector.SPECIES_64
          : VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.bits() / 2));

  private Decoding() {}

  /** Elements {@code first} to {@code first + count} to {@code out} from index {@code at}. */
  static void decode(float[] out, int at, Tensor weight, long first, int count) {
    if (weight.dtype() == DType.BF16) {
      bf16(out, at, weight, first, count);
    } else {
      weight.dtype().decode(weight.data(), first, out, at, count);
    }
  }

  /** A bfloat16 number is the upper half of a float32: widened, and shifted into place. */
  private static void bf16(float[] out, int at, Tensor weight, long first, int count) {
    MemorySegment data = weight.data();
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      ShortVector.fromMemorySegment(HALF, data, (first + i) * Short.BYTES, Lanes.ORDER)
          .convertShape(VectorOperators.S2I, Lanes.I32, 0)
          .reinterpretAsInts()
          .lanewise(VectorOperators.LSHL, 16)
          .reinterpretAsFloats()
          .intoArray(out, at + i);
    }
    if (i < count) {
      weight.dtype().decode(data, first + i, out, at + i, count - i);
    }
  }
}
