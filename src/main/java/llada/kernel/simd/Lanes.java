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

  /** Numbers in a vector. */
  static final int COUNT = F32.length();

  /** Shuffle i moves lane j + COUNT / 2^(i+1) to lane j, for {@link #sum}. */
  private static final VectorShuffle<Float>[] HALVES = halves();

  private Lanes() {}

  @SuppressWarnings({"unchecked", "rawtypes"}) // Java has no arrays of a generic type
  private static VectorShuffle<Float>[] halves() {
    int steps = Integer.numberOfTrailingZeros(COUNT);
    VectorShuffle<Float>[] shuffles = new VectorShuffle[steps];
    for (int i = 0; i < steps; i++) {
      int distance = COUNT >> (i + 1);
      shuffles[i] = VectorShuffle.fromOp(F32, lane -> (lane + distance) % COUNT);
    }
    return shuffles;
  }

  /**
   * The sum of all lanes, always in the same order. The API's own reduction may add in any order,
   * and does so differently before and after compilation: the same seed would give other tokens.
   */
  static float sum(FloatVector vector) {
    FloatVector sum = vector;
    for (VectorShuffle<Float> half : HALVES) {
      sum = sum.add(sum.rearrange(half));
    }
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

  static FloatVector load(MemorySegment segment, long element) {
    return FloatVector.fromMemorySegment(F32, segment, element * Float.BYTES, ORDER);
  }

  static FloatVector load(MemorySegment segment, long element, VectorMask<Float> mask) {
    return FloatVector.fromMemorySegment(F32, segment, element * Float.BYTES, ORDER, mask);
  }

  static void store(FloatVector vector, MemorySegment segment, long element) {
    vector.intoMemorySegment(segment, element * Float.BYTES, ORDER);
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
