package llada.kernel.scalar;

import llada.tensor.Tensor;

/**
 * All that a sampler asks of a row of logits, in one go and without storing a probability: the
 * likeliest token, how sure it is, how sure the whole row is.
 */
public final class SoftmaxStatistics {
  private SoftmaxStatistics() {}

  /**
   * The answers, one of each for a row; allocated once and filled again and again.
   *
   * <p>In a row with a NaN or +infinity among its logits, or with no finite one, only {@link
   * #firstNonFinite} means anything. Minus infinity is a token of probability 0.
   */
  public static final class Rows {
    /** The token with the largest logit among those that can be chosen; the lowest id of equals. */
    public final int[] argMax;

    /** The logit of {@link #argMax}. */
    public final float[] argMaxLogit;

    /** The largest logit in the softmax. */
    public final float[] max;

    /** Sum of exp(logit - max) over the softmax; at least 1. */
    public final double[] sum;

    /** -sum p ln p, in nats. */
    public final double[] entropy;

    /** The largest p less the second largest; of a single token, its p. */
    public final double[] margin;

    /** The lowest id with a logit that is NaN or infinite, excluded ones not spared; -1 if none. */
    public final int[] firstNonFinite;

    /** Room for this many rows. */
    public Rows(int capacity) {
      argMax = new int[capacity];
      argMaxLogit = new float[capacity];
      max = new float[capacity];
      sum = new double[capacity];
      entropy = new double[capacity];
      margin = new double[capacity];
      firstNonFinite = new int[capacity];
    }

    /** How many rows there is room for. */
    public int capacity() {
      return argMax.length;
    }

    /** p of a token in the softmax of this row that has this logit. */
    public double probability(int row, float logit) {
      return Math.exp((double) logit - max[row]) / sum[row];
    }

    /** ln sum exp(logit) over the softmax. */
    public double logSumExp(int row) {
      return max[row] + Math.log(sum[row]);
    }
  }

  /**
   * Fills {@code out} for each row l of the logits: arg max, and of p = softmax(l) the sum, the
   * entropy and the margin.
   *
   * <pre>
   *   entropy = -sum_v p[v] ln p[v] = ln s - (sum_v e[v] (l[v] - max)) / s
   *   with e[v] = exp(l[v] - max), s = sum_v e[v]
   * </pre>
   *
   * Computed in double from float32 logits.
   *
   * @param out at least R rows, the first R overwritten
   * @param logits (R, V)
   * @param exclusions ids that are left out of the choice or the softmax
   */
  public static void forward(Rows out, Tensor logits, Exclusions exclusions) {
    check(out, logits, exclusions);
    for (int r = 0; r < logits.dim(0); r++) {
      row(out, r, logits, exclusions);
    }
  }

  /** The answers for row r alone. */
  public static void row(Rows out, int r, Tensor logits, Exclusions exclusions) {
    float[] row = logits.rows(r, 1).toArray();
    choose(out, r, row, exclusions);
    softmax(out, r, row, exclusions);
  }

  private static void choose(Rows out, int r, float[] logits, Exclusions exclusions) {
    int best = -1;
    int nonFinite = -1;
    for (int id = 0; id < logits.length; id++) {
      if (!Float.isFinite(logits[id]) && nonFinite < 0) {
        nonFinite = id;
      }
      if (exclusions.choosable(id) && (best < 0 || logits[id] > logits[best])) {
        best = id;
      }
    }
    out.argMax[r] = best;
    out.argMaxLogit[r] = logits[best];
    out.firstNonFinite[r] = nonFinite;
  }

  private static void softmax(Rows out, int r, float[] logits, Exclusions exclusions) {
    float first = Float.NEGATIVE_INFINITY;
    float second = Float.NEGATIVE_INFINITY;
    for (int id = 0; id < logits.length; id++) {
      if (!exclusions.counted(id)) {
        continue;
      }
      if (logits[id] > first) {
        second = first;
        first = logits[id];
      } else if (logits[id] > second) {
        second = logits[id];
      }
    }
    double sum = 0;
    double weighted = 0;
    for (int id = 0; id < logits.length; id++) {
      double x = (double) logits[id] - first;
      double e = Math.exp(x);
      if (exclusions.counted(id) && e > 0) {
        sum += e;
        weighted += e * x;
      }
    }
    out.max[r] = first;
    out.sum[r] = sum;
    out.entropy[r] = Math.log(sum) - weighted / sum;
    out.margin[r] = (1 - Math.exp((double) second - first)) / sum;
  }

  /** The rows fit, and the exclusions leave something to choose from. */
  public static void check(Rows out, Tensor logits, Exclusions exclusions) {
    Require.rank2("softmax_statistics", "logits", logits);
    Require.matrix(
        "softmax_statistics", "logits", logits, logits.shape().dim(0), logits.shape().dim(1));
    if (logits.shape().dim(0) > out.capacity()) {
      throw new IllegalArgumentException(
          "softmax_statistics: logits are %s but there is room for %d rows"
              .formatted(logits.shape(), out.capacity()));
    }
    exclusions.check("softmax_statistics", logits.dim(1));
  }
}
