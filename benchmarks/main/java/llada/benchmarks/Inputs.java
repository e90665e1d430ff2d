package llada.benchmarks;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import llada.tensor.DType;
import llada.tensor.Tensor;

/** Seeded data for the benchmarks, and the comparison that each makes before it measures. */
final class Inputs {
  private Inputs() {}

  /** A float32 tensor of normal numbers. */
  static Tensor normal(Arena arena, long seed, long... dims) {
    Random random = new Random(seed);
    Tensor tensor = Tensor.allocate(arena, DType.F32, dims);
    for (long i = 0; i < tensor.shape().elements(); i++) {
      tensor.set(i, (float) random.nextGaussian());
    }
    return tensor;
  }

  /** A weight matrix of any type: random numbers, and in quantised blocks random quants. */
  static Tensor weight(Arena arena, DType dtype, long rows, long columns) {
    Tensor tensor = Tensor.allocate(arena, dtype, rows, columns);
    Random random = new Random(dtype.blockBytes());
    byte[] block = new byte[dtype.blockBytes()];
    float[] values = new float[dtype.blockLength()];
    for (long at = 0; at < tensor.data().byteSize(); at += block.length) {
      do { // until the scales are of a weight's size
        random.nextBytes(block);
        MemorySegment.copy(block, 0, tensor.data(), ValueLayout.JAVA_BYTE, at, block.length);
        dtype.decode(tensor.data().asSlice(at, block.length), 0, values, 0, values.length);
      } while (!small(values));
    }
    return tensor;
  }

  private static boolean small(float[] values) {
    for (float value : values) {
      if (!(Math.abs(value) < 1000)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Refuses to measure a kernel that is wrong.
   *
   * @param tolerance relative to the largest expected value
   */
  static void requireClose(Tensor found, Tensor expected, double tolerance) {
    double largest = 0;
    double worst = 0;
    for (long i = 0; i < expected.shape().elements(); i++) {
      if (!Float.isFinite(expected.get(i))) {
        throw new IllegalStateException("the reference gives " + expected.get(i));
      }
      largest = Math.max(largest, Math.abs(expected.get(i)));
      double difference = Math.abs((double) found.get(i) - expected.get(i));
      worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(worst, difference);
    }
    if (worst > tolerance * largest) {
      throw new IllegalStateException(
          "the kernel is off by %.3g where the largest value is %.3g".formatted(worst, largest));
    }
  }

  /** The same for numbers in double. */
  static void requireClose(double[] found, double[] expected, double tolerance) {
    double largest = 0;
    for (double value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(found[i] - expected[i]) <= tolerance * largest)) {
        throw new IllegalStateException(
            "the kernel gives %.9g where the reference gives %.9g"
                .formatted(found[i], expected[i]));
      }
    }
  }
}
