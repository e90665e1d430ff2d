package llada.tensor;

import java.util.Arrays;

/**
 * Finds scales and minima for sub-blocks of 32 numbers that become codes from zero, x = scale * q -
 * min with q from 0 to 15 or 31 and min at least 0, so that the weighted sum of squared errors is
 * small. Eight sub-blocks share a float16 d and dmin, of which scale and min are multiples by 0 to
 * 63.
 *
 * <p>Given the codes, the best scale and minimum are a line through the points (q, x). So for each
 * of a few ways to round, the codes are made and the line is fitted; the smallest error wins. Then
 * scale and minimum are rounded to their multiples, each time trying the neighbours too.
 *
 * <p>{@link #LANES} sub-blocks lie side by side: see {@link SymmetricSearch}.
 */
final class AffineSearch {
  static final int LANES = SymmetricSearch.LANES;

  private static final int LENGTH = 32;
  private static final int STEPS = 16;
  private static final int MAX_MULTIPLE = 63;
  private static final float ROUND = 12582912f; // as in SymmetricSearch

  private final float highest;
  private final float[][] x = new float[LENGTH][LANES];
  private final float[][] w = new float[LENGTH][LANES];
  private final float[][] q = new float[LENGTH][LANES];
  private final float[] scale = new float[LANES];
  private final float[] min = new float[LANES];
  private final float[] best = new float[LANES]; // the smallest error so far
  private final float[] tryInverse = new float[LANES];
  private final float[] tryMin = new float[LANES];
  private final int[] scaleCode = new int[LANES];
  private final int[] minCode = new int[LANES];
  private final float[] d = new float[LANES]; // of the block that a sub-block is in, as stored
  private final float[] dmin = new float[LANES];
  private final float[] sumW = new float[LANES];
  private final float[] sumX = new float[LANES];
  private final float[] sumXx = new float[LANES];
  private final float[] sumQ = new float[LANES];
  private final float[] sumQq = new float[LANES];
  private final float[] sumXq = new float[LANES];

  /**
   * @param highest code, 15 or 31
   */
  AffineSearch(int highest) {
    this.highest = highest;
  }

  /** Encodes {@code subs} sub-blocks, a multiple of 8. See {@link DType#encode}. */
  void run(float[] in, int at, int subs, float[] importance, int column) {
    transpose(in, at, subs, LENGTH, importance, column, x, w);
    fit();
    roundToMultiples();
  }

  /** Lays blocks side by side; what is beyond the last is zero. */
  static void transpose(
      float[] in,
      int at,
      int blocks,
      int length,
      float[] importance,
      int column,
      float[][] x,
      float[][] w) {
    for (int i = 0; i < length; i++) {
      Arrays.fill(x[i], 0);
      Arrays.fill(w[i], 1);
    }
    for (int l = 0; l < blocks; l++) {
      for (int i = 0; i < length; i++) {
        x[i][l] = in[at + l * length + i];
      }
      if (importance != null) {
        int first = (column + l * length) % importance.length;
        for (int i = 0; i < length; i++) {
          w[i][l] = importance[first + i];
        }
      }
    }
  }

  /** The best scales and minima as real numbers. */
  private void fit() {
    float[] low = new float[LANES];
    float[] high = new float[LANES];
    Arrays.fill(sumW, 0);
    Arrays.fill(sumX, 0);
    Arrays.fill(sumXx, 0);
    for (int i = 0; i < LENGTH; i++) {
      float[] xs = x[i];
      float[] ws = w[i];
      for (int l = 0; l < LANES; l++) {
        low[l] = Math.min(low[l], xs[l]);
        high[l] = Math.max(high[l], xs[l]);
        float wx = ws[l] * xs[l];
        sumW[l] += ws[l];
        sumX[l] += wx;
        sumXx[l] += wx * xs[l];
      }
    }
    for (int l = 0; l < LANES; l++) {
      best[l] = sumXx[l]; // all codes zero
      scale[l] = 0;
      min[l] = 0;
      tryMin[l] = -low[l];
    }
    // From a range of the codes that is cut at its ends to one that is not used up.
    for (int step = 0; step < STEPS; step++) {
      float codes = highest + 0.9f - 2.5f * step / (STEPS - 1);
      for (int l = 0; l < LANES; l++) {
        tryInverse[l] = BlockQ8_0.inverse((high[l] - low[l]) / codes);
      }
      takeBetter();
    }
    for (int again = 0; again < 2; again++) {
      for (int l = 0; l < LANES; l++) {
        tryInverse[l] = BlockQ8_0.inverse(scale[l]);
        tryMin[l] = min[l];
      }
      takeBetter();
    }
  }

  /** Makes codes by tryInverse and tryMin and fits a line; takes it where the error is smaller. */
  private void takeBetter() {
    codes();
    Arrays.fill(sumQ, 0);
    Arrays.fill(sumQq, 0);
    Arrays.fill(sumXq, 0);
    for (int i = 0; i < LENGTH; i++) {
      addProducts(sumQ, sumQq, sumXq, x[i], q[i], w[i]);
    }
    for (int l = 0; l < LANES; l++) {
      float det = sumW[l] * sumQq[l] - sumQ[l] * sumQ[l];
      float slope = (sumW[l] * sumXq[l] - sumQ[l] * sumX[l]) / det;
      float start = (sumQq[l] * sumX[l] - sumQ[l] * sumXq[l]) / det;
      if (!(start <= 0)) { // a minimum is not negative; also where det is 0
        start = 0;
        slope = sumXq[l] / sumQq[l];
      }
      float error =
          sumXx[l]
              - 2 * (slope * sumXq[l] + start * sumX[l])
              + slope * (slope * sumQq[l] + 2 * start * sumQ[l])
              + start * start * sumW[l];
      if (error < best[l] && slope > 0) {
        best[l] = error;
        scale[l] = slope;
        min[l] = -start;
      }
    }
  }

  private static void addProducts(
      float[] sumQ, float[] sumQq, float[] sumXq, float[] x, float[] q, float[] w) {
    for (int l = 0; l < LANES; l++) {
      float wq = w[l] * q[l];
      sumQ[l] += wq;
      sumQq[l] += wq * q[l];
      sumXq[l] += wq * x[l];
    }
  }

  /** q = (x + tryMin) * tryInverse, rounded and within the range. */
  private void codes() {
    for (int i = 0; i < LENGTH; i++) {
      codes(q[i], x[i], tryMin, tryInverse, highest);
    }
  }

  private static void codes(float[] q, float[] x, float[] min, float[] inverse, float highest) {
    for (int l = 0; l < LANES; l++) {
      float rounded = (x[l] + min[l]) * inverse[l] + ROUND - ROUND;
      q[l] = Math.min(Math.max(rounded, 0), highest);
    }
  }

  private void roundToMultiples() {
    for (int first = 0; first < LANES; first += 8) {
      float unit = stored(largest(scale, first) / MAX_MULTIPLE);
      float minUnit = stored(largest(min, first) / MAX_MULTIPLE);
      Arrays.fill(d, first, first + 8, unit);
      Arrays.fill(dmin, first, first + 8, minUnit);
    }
    Arrays.fill(best, Float.POSITIVE_INFINITY);
    float[] error = new float[LANES];
    int[] s = new int[LANES];
    int[] m = new int[LANES];
    for (int step = 0; step < 9; step++) {
      for (int l = 0; l < LANES; l++) {
        s[l] = multiple(scale[l], d[l], step / 3 - 1);
        m[l] = multiple(min[l], dmin[l], step % 3 - 1);
      }
      quantise(s, m);
      errors(error, s);
      for (int l = 0; l < LANES; l++) {
        if (error[l] < best[l]) {
          best[l] = error[l];
          scaleCode[l] = s[l];
          minCode[l] = m[l];
        }
      }
    }
    quantise(scaleCode, minCode);
  }

  private static float stored(float value) {
    return Float.float16ToFloat(Float.floatToFloat16(value));
  }

  private static float largest(float[] values, int first) {
    float largest = 0;
    for (int l = first; l < first + 8; l++) {
      largest = Math.max(largest, values[l]);
    }
    return largest;
  }

  private static int multiple(float value, float unit, int step) {
    return Math.clamp(Math.round(value * BlockQ8_0.inverse(unit)) + step, 0, MAX_MULTIPLE);
  }

  private void quantise(int[] s, int[] m) {
    for (int l = 0; l < LANES; l++) {
      tryInverse[l] = BlockQ8_0.inverse(d[l] * s[l]);
      tryMin[l] = dmin[l] * m[l];
    }
    codes();
  }

  private void errors(float[] error, int[] s) {
    float[] step = new float[LANES];
    for (int l = 0; l < LANES; l++) {
      step[l] = d[l] * s[l];
      error[l] = 0;
    }
    for (int i = 0; i < LENGTH; i++) {
      addErrors(error, x[i], q[i], w[i], tryMin, step);
    }
  }

  private static void addErrors(
      float[] error, float[] x, float[] q, float[] w, float[] min, float[] scale) {
    for (int l = 0; l < LANES; l++) {
      float off = x[l] + min[l] - scale[l] * q[l];
      error[l] += w[l] * off * off;
    }
  }

  /** Code {@code i} of a sub-block. */
  int code(int sub, int i) {
    return (int) q[i][sub];
  }

  /** Writes d, dmin and the 12 bytes of {@link BlockQ4_K} for eight sub-blocks. */
  void packScales(byte[] out, int offset, int first) {
    Floats.putF16(out, offset, d[first]);
    Floats.putF16(out, offset + 2, dmin[first]);
    for (int sub = 0; sub < 4; sub++) {
      int s = scaleCode[first + 4 + sub];
      int m = minCode[first + 4 + sub];
      out[offset + 4 + sub] = (byte) (scaleCode[first + sub] | s >> 4 << 6);
      out[offset + 8 + sub] = (byte) (minCode[first + sub] | m >> 4 << 6);
      out[offset + 12 + sub] = (byte) (s & 0xF | (m & 0xF) << 4);
    }
  }
}
