package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.GumbelMax.Noise;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.GumbelMax} without logarithms for tokens that cannot win. Gives
 * exactly the reference's token: what is left out is bounded, never estimated.
 *
 * <pre>
 *   -ln u &gt;= 1 - u      so g = -ln(-ln u) &lt;= -ln w,   w = 1 - u = 2^k (1 + m)
 *   log2(1 + m) &gt;= m    so -ln w &lt;= -(k + m) ln 2
 * </pre>
 *
 * and k + m is what the bits of w spell, read as an integer, but for a constant. A few dozen tokens
 * of a row come to the logarithms. Where even the largest noise there is would be too small for all
 * of a chunk, its numbers are not drawn.
 *
 * <p>One for each worker.
 */
final class GumbelMax {
  private static final int CHUNK = 1024;

  private static final VectorSpecies<Double> F64 =
      VectorSpecies.of(double.class, Lanes.F32.vectorShape());

  private static final double LN2 = Math.log(2);

  /** Above all rounding errors of logarithms and bound, which are below 2^-40. */
  private static final double SLACK = 1e-9;

  /** The largest noise: u is a double below 1, so k is at least -53. */
  private static final double LARGEST = 53 * LN2 + SLACK;

  /** Bits cut off, so that the other 52 can become a double by joining them with 2^52. */
  private static final int CUT = 11;

  private static final long JOIN = Double.doubleToRawLongBits(0x1p52);

  private final float[] lanes = new float[Lanes.COUNT];
  private final float[] narrow = new float[CHUNK];
  private final double[] logits = new double[CHUNK];
  private final double[] u = new double[CHUNK];

  /** The token of row r. */
  int row(int r, Tensor tensor, Exclusions exclusions, double temperature, Noise noise) {
    long start = (long) r * tensor.dim(1);
    int end = exclusions.choiceLimit();
    int best = 0;
    while (!exclusions.choosable(best)) {
      best++;
    }
    double bestValue = Double.NEGATIVE_INFINITY;
    for (int from = 0; from < end; from += CHUNK) {
      int count = Math.min(CHUNK, end - from);
      MemorySegment.copy(tensor.data(), Tensor.F32, (start + from) * Float.BYTES, narrow, 0, count);
      if (largest(count) + temperature * LARGEST <= bestValue) {
        continue;
      }
      noise.fill(u, r, from, count);
      for (int i = 0; i < count; i++) {
        logits[i] = narrow[i];
      }
      for (int i = 0; i < count; i += F64.length()) {
        int next = Math.min(count, i + F64.length());
        if (next - i == F64.length() && !canWin(i, temperature, bestValue)) {
          continue;
        }
        for (int j = i; j < next; j++) {
          double value = llada.kernel.scalar.GumbelMax.noised(logits[j], temperature, u[j]);
          if (value > bestValue && exclusions.choosable(from + j)) {
            bestValue = value;
            best = from + j;
          }
        }
      }
    }
    return best;
  }

  /**
   * Whether a token of the vector at {@code i} may exceed {@code bestValue}. Rounding is monotone:
   * what bounds the noise still does once both are multiplied and added.
   */
  private boolean canWin(int i, double temperature, double bestValue) {
    DoubleVector w = DoubleVector.broadcast(F64, 1).sub(DoubleVector.fromArray(F64, u, i));
    DoubleVector bits =
        w.reinterpretAsLongs()
            .lanewise(VectorOperators.LSHR, CUT)
            .or(JOIN)
            .reinterpretAsDoubles()
            .sub(0x1p52);
    // Uncut, the bits of w are 2^52 (k + m + 1023).
    DoubleVector bound = bits.mul(-LN2 * 0x1p-52 * (1L << CUT)).add(1023 * LN2 + SLACK);
    return bound
        .mul(temperature)
        .add(DoubleVector.fromArray(F64, logits, i))
        .compare(VectorOperators.GT, bestValue)
        .anyTrue();
  }

  private float largest(int count) {
    float largest = Float.NEGATIVE_INFINITY;
    int i = 0;
    if (count >= Lanes.COUNT) {
      FloatVector max = FloatVector.fromArray(Lanes.F32, narrow, 0);
      for (i = Lanes.COUNT; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
        max = max.max(FloatVector.fromArray(Lanes.F32, narrow, i));
      }
      max.intoArray(lanes, 0);
      for (float value : lanes) {
        largest = Math.max(largest, value);
      }
    }
    for (; i < count; i++) {
      largest = Math.max(largest, narrow[i]);
    }
    return largest;
  }
}
