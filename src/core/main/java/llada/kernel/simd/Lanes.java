package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width, chosen once: the widest that the machine prefers, or {@code
 * -Dllada.vector.bits=128|256|512} for tests.
 */
public final class Lanes {
  static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  /** The float32 vector of all kernels. */
  static final VectorSpecies<Float> F32 = species();

  /** Integers of the same number and width. */
  static final VectorSpecies<Integer> I32 = VectorSpecies.of(int.class, F32.vectorShape());

  /** Numbers in a vector. */
  static final int COUNT = F32.length();

  /**
   * Whether there are 32 vector registers, as in AVX-512 and on ARM, or only 16. Narrower vectors
   * asked for on AVX-512 count as 16, so that tests reach that code too.
   */
  static final boolean MANY_REGISTERS =
      F32.vectorBitSize() == 512 || System.getProperty("os.arch").equals("aarch64");

  // Lane j takes lane j + distance. Not an array: the compiler does not see through one.
  private static final VectorShuffle<Float> FAR_8 = shuffle(8);
  private static final VectorShuffle<Float> FAR_4 = shuffle(4);
  private static final VectorShuffle<Float> FAR_2 = shuffle(2);
  private static final VectorShuffle<Float> FAR_1 = shuffle(1);

  private Lanes() {}

  private static VectorShuffle<Float> shuffle(int distance) {
    return VectorShuffle.fromOp(F32, lane -> (lane + distance) % COUNT);
  }

  /**
   * The sum of all lanes, always in the same order. The API's own reduction may add in any order,
   * and does so differently before and after compilation: the same seed would give other tokens.
   */
  static float sum(FloatVector vector) {
    FloatVector sum = vector;
    if (COUNT > 8) {
      sum = sum.add(sum.rearrange(FAR_8));
    }
    if (COUNT > 4) {
      sum = sum.add(sum.rearrange(FAR_4));
    }
    if (COUNT > 2) {
      sum = sum.add(sum.rearrange(FAR_2));
    }
    sum = sum.add(sum.rearrange(FAR_1));
    return sum.lane(0);
  }

  private static VectorSpecies<Float> species() {
    int bits = Integer.getInteger("llada.vector.bits", 0);
    return bits == 0
        ? FloatVector.SPECIES_PREFERRED
        : VectorSpecies.of(float.class, VectorShape.forBitSize(bits));
  }

  /** The width in bits. */
  public static int bits() {
    return F32.vectorBitSize();
  }

  static FloatVector load(MemorySegment segment, long element, VectorMask<Float> mask) {
    return FloatVector.fromMemorySegment(F32, segment, element * Float.BYTES, ORDER, mask);
  }

  static void store(
      FloatVector vector, MemorySegment segment, long element, VectorMask<Float> mask) {
    vector.intoMemorySegment(segment, element * Float.BYTES, ORDER, mask);
  }

  /** The lanes of a last, partial vector that starts at {@code i} of {@code n}. */
  static VectorMask<Float> tail(int i, int n) {
    return F32.indexInRange(i, n);
  }
}
