package llada.tensor;

import java.util.Arrays;

/**
 * Finds scales for blocks of numbers that become codes around zero, x = scale * q with q from
 * -range to range - 1, so that the weighted sum of squared errors is small.
 *
 * <p>Given the codes, the best scale is sum(w x q) / sum(w q q), and it lowers the error by sum(w x
 * q)^2 / sum(w q q). So for each of a few ways to round, the codes are made and the sums taken; the
 * way that lowers the error most wins.
 *
 * <p>{@link #LANES} blocks lie side by side, number i of block l at [i][l]: every inner loop is
 * then over blocks, with one index for all arrays and without dependencies, which the JIT compiler
 * turns into vector instructions.
 */
final class SymmetricSearch {
  static final int LANES = 128;

  private static final int STEPS = 8; // to either side
  private static final float STEP = 0.11f; // in codes, at the largest value

  /** 1.5 * 2^23: adding and subtracting it rounds a float of up to 2^22 to an integer. */
  private static final float ROUND = 12582912f;

  /** The result: a scale for each block. */
  final float[] scale = new float[LANES];

  private final int length;
  private final float lowest;
  private final float highest;
  private final float[][] x;
  private final float[][] w;
  private final float[][] q;
  private final float[] inverse = new float[LANES];
  private final float[] xq = new float[LANES];
  private final float[] qq = new float[LANES];
  private final float[] best = new float[LANES];

  /**
   * @param length numbers in a block
   * @param range of the codes, from -range to range - 1
   */
  SymmetricSearch(int length, int range) {
    this.length = length;
    lowest = -range;
    highest = range - 1;
    x = new float[length][LANES];
    w = new float[length][LANES];
    q = new float[length][LANES];
  }

  /** Takes {@code blocks} blocks; what is beyond them is zero. See {@link DType#encode}. */
  void load(float[] in, int at, int blocks, float[] importance, int column) {
    AffineSearch.transpose(in, at, blocks, length, importance, column, x, w);
  }

  /** Finds the scales, as real numbers. */
  void scales() {
    float[] signed = new float[LANES];
    for (int l = 0; l < LANES; l++) {
      for (float[] row : x) {
        float value = row[l];
        signed[l] = Math.abs(value) > Math.abs(signed[l]) ? value : signed[l];
      }
      best[l] = 0;
      scale[l] = 0;
    }
    for (int step = -STEPS; step <= STEPS; step++) {
      for (int l = 0; l < LANES; l++) {
        inverse[l] = BlockQ8_0.inverse(signed[l] / (lowest - STEP * step));
      }
      takeBetter();
    }
    for (int l = 0; l < LANES; l++) {
      inverse[l] = BlockQ8_0.inverse(scale[l]);
    }
    takeBetter(); // once more, from the best scale
  }

  private void takeBetter() {
    codes();
    Arrays.fill(xq, 0);
    Arrays.fill(qq, 0);
    for (int i = 0; i < length; i++) {
      addProducts(xq, qq, x[i], q[i], w[i]);
    }
    for (int l = 0; l < LANES; l++) {
      float gain = qq[l] > 0 ? xq[l] * xq[l] / qq[l] : 0;
      if (gain > best[l]) {
        best[l] = gain;
        scale[l] = xq[l] / qq[l];
      }
    }
  }

  private static void addProducts(float[] xq, float[] qq, float[] x, float[] q, float[] w) {
    for (int l = 0; l < LANES; l++) {
      float wq = w[l] * q[l];
      xq[l] += wq * x[l];
      qq[l] += wq * q[l];
    }
  }

  /** q = x * inverse, rounded and within the range. */
  private void codes() {
    for (int i = 0; i < length; i++) {
      codes(q[i], x[i], inverse, lowest, highest);
    }
  }

  private static void codes(float[] q, float[] x, float[] inverse, float lowest, float highest) {
    for (int l = 0; l < LANES; l++) {
      float rounded = x[l] * inverse[l] + ROUND - ROUND;
      q[l] = Math.min(Math.max(rounded, lowest), highest);
    }
  }

  /**
   * Rounds the scales to multiples of units, each to the neighbour of smallest error.
   *
   * @param out receives the multiples
   * @param unit of each block
   */
  void roundScales(int[] out, float[] unit, int min, int max) {
    float[] wanted = scale.clone();
    float[] smallest = new float[LANES];
    Arrays.fill(smallest, Float.POSITIVE_INFINITY);
    for (int step = -1; step <= 1; step++) {
      int[] tried = new int[LANES];
      for (int l = 0; l < LANES; l++) {
        int nearest = Math.round(wanted[l] * BlockQ8_0.inverse(unit[l])) + step;
        tried[l] = Math.clamp(nearest, min, max);
        scale[l] = tried[l] * unit[l];
      }
      quantise();
      float[] error = errors();
      for (int l = 0; l < LANES; l++) {
        if (error[l] < smallest[l]) {
          smallest[l] = error[l];
          out[l] = tried[l];
        }
      }
    }
    for (int l = 0; l < LANES; l++) {
      scale[l] = out[l] * unit[l];
    }
  }

  /** Makes the codes for the scales as they are now. */
  void quantise() {
    for (int l = 0; l < LANES; l++) {
      inverse[l] = BlockQ8_0.inverse(scale[l]);
    }
    codes();
  }

  private float[] errors() {
    float[] error = new float[LANES];
    for (int i = 0; i < length; i++) {
      addErrors(error, x[i], q[i], w[i], scale);
    }
    return error;
  }

  private static void addErrors(float[] error, float[] x, float[] q, float[] w, float[] scale) {
    for (int l = 0; l < LANES; l++) {
      float off = x[l] - scale[l] * q[l];
      error[l] += w[l] * off * off;
    }
  }

  /** Code {@code i} of a block. */
  int code(int block, int i) {
    return (int) q[i][block];
  }
}
