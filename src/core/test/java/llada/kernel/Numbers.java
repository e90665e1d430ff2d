package llada.kernel;

import java.lang.foreign.Arena;
import java.util.Random;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/** Seeded test data and comparisons whose tolerance follows from the arithmetic. */
public final class Numbers {
  /** Unit roundoff of float32. */
  public static final double EPSILON = 0x1.0p-24;

  private Numbers() {}

  /** A matrix of normal numbers that starts {@code offset} floats off alignment. */
  public static Tensor random(Arena arena, long seed, int offset, long... dims) {
    Shape shape = Shape.of(dims);
    Random random = new Random(seed);
    Tensor padded = Tensor.allocate(arena, DType.F32, shape.elements() + offset);
    for (long i = 0; i < padded.shape().elements(); i++) {
      padded.set(i, (float) random.nextGaussian());
    }
    return Tensor.of(
        DType.F32,
        shape,
        padded.data().asSlice((long) offset * Float.BYTES, shape.elements() * Float.BYTES));
  }

  /** A weight of any type with random, finite content. */
  public static Tensor randomWeight(Arena arena, long seed, DType dtype, long rows, long columns) {
    Random random = new Random(seed);
    Tensor tensor = Tensor.allocate(arena, dtype, rows, columns);
    byte[] block = new byte[dtype.blockBytes()];
    float[] decoded = new float[dtype.blockLength()];
    for (long at = 0; at < tensor.data().byteSize(); at += block.length) {
      boolean usable;
      do { // random scales may be infinite or huge; a weight is neither
        random.nextBytes(block);
        java.lang.foreign.MemorySegment.copy(
            block, 0, tensor.data(), java.lang.foreign.ValueLayout.JAVA_BYTE, at, block.length);
        dtype.decode(tensor.data().asSlice(at, block.length), 0, decoded, 0, decoded.length);
        usable = true;
        for (float value : decoded) {
          usable &= Float.isFinite(value) && Math.abs(value) < 1000;
        }
      } while (!usable);
    }
    return tensor;
  }

  /** A copy, so that an op in place can be compared with itself. */
  public static Tensor copy(Arena arena, Tensor tensor) {
    return Tensor.of(arena, tensor.toArray(), tensor.shape().toArray());
  }

  /** The largest absolute difference; NaN counts as equal to NaN only. */
  public static double largestDifference(Tensor a, Tensor b) {
    double largest = 0;
    for (long i = 0; i < a.shape().elements(); i++) {
      float x = a.get(i);
      float y = b.get(i);
      if (Float.compare(x, y) == 0) {
        continue;
      }
      double difference = Math.abs((double) x - y);
      if (Double.isNaN(difference)) {
        return Double.POSITIVE_INFINITY;
      }
      largest = Math.max(largest, difference);
    }
    return largest;
  }

  /** The largest absolute value. */
  public static double largest(Tensor a) {
    double largest = 0;
    for (long i = 0; i < a.shape().elements(); i++) {
      largest = Math.max(largest, Math.abs(a.get(i)));
    }
    return largest;
  }
}
