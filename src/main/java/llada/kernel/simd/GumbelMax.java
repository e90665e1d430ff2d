package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.GumbelMax.Noise;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.GumbelMax} without logarithms for tokens that cannot win. Gives
 * exactly the reference's token: what is left out is bounded, never estimated.
 *
 * <pre>
 *   -ln u &gt;= 1 - u, so g = -ln(-ln u) &lt;= -ln(1 - u) &lt;= k ln 2   where 1 - u &gt;= 2^-k
 * </pre>
 *
 * and k is the exponent of a floating-point number, which costs nothing. A few dozen tokens of a
 * row come to the logarithms. Where even the largest noise there is would be too small for all of a
 * chunk, its numbers are not drawn.
 *
 * <p>One for each worker.
 */
final class GumbelMax {
  private static final int CHUNK = 1024;

  /** Above all rounding errors of the logarithms, which are below 2^-45. */
  private static final double SLACK = 1e-9;

  private static final double LN2 = Math.log(2);

  /** The largest noise: u is a double below 1, so k is at most 53. */
  private static final double LARGEST = 53 * LN2 + SLACK;

  private final float[] logits = new float[CHUNK];
  private final float[] lanes = new float[Lanes.COUNT];
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
      MemorySegment.copy(tensor.data(), Tensor.F32, (start + from) * Float.BYTES, logits, 0, count);
      if (largest(count) + temperature * LARGEST <= bestValue) {
        continue;
      }
      noise.fill(u, r, from, count);
      for (int i = 0; i < count; i++) {
        // Rounding is monotone: a bound on the noise stays one on the sum.
        double bound = SLACK - Math.getExponent(1 - u[i]) * LN2;
        if (logits[i] + temperature * bound > bestValue) {
          double value = llada.kernel.scalar.GumbelMax.noised(logits[i], temperature, u[i]);
          if (value > bestValue && exclusions.choosable(from + i)) {
            bestValue = value;
            best = from + i;
          }
        }
      }
    }
    return best;
  }

  private float largest(int count) {
    float largest = Float.NEGATIVE_INFINITY;
    int i = 0;
    if (count >= Lanes.COUNT) {
      FloatVector max = FloatVector.fromArray(Lanes.F32, logits, 0);
      for (i = Lanes.COUNT; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
        max = max.max(FloatVector.fromArray(Lanes.F32, logits, i));
      }
      max.intoArray(lanes, 0);
      for (float value : lanes) {
        largest = Math.max(largest, value);
      }
    }
    for (; i < count; i++) {
      largest = Math.max(largest, logits[i]);
    }
    return largest;
  }
}
