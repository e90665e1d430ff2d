package llada.diffusion;

/** Statistics of softmax(logits), (V), in double. Minus infinity is a token that cannot be. */
final class Softmax {
  private Softmax() {}

  /** p[token]. */
  static double probability(double[] logits, int token) {
    double max = max(logits);
    return Math.exp(logits[token] - max) / sum(logits, max);
  }

  /** -sum p ln p, in nats. */
  static double entropy(double[] logits) {
    double max = max(logits);
    double sum = 0;
    double weighted = 0;
    for (double logit : logits) {
      double e = Math.exp(logit - max);
      if (e > 0) {
        sum += e;
        weighted += e * (logit - max);
      }
    }
    return Math.log(sum) - weighted / sum;
  }

  /** ln of the largest p. */
  static double logMax(double[] logits) {
    return max(logits) - logSumExp(logits);
  }

  /** ln sum exp(logit). */
  static double logSumExp(double[] logits) {
    double max = max(logits);
    return max + Math.log(sum(logits, max));
  }

  /** The largest p less the second largest. */
  static double margin(double[] logits) {
    double first = Double.NEGATIVE_INFINITY;
    double second = Double.NEGATIVE_INFINITY;
    for (double logit : logits) {
      if (logit > first) {
        second = first;
        first = logit;
      } else if (logit > second) {
        second = logit;
      }
    }
    return (1 - Math.exp(second - first)) / sum(logits, first);
  }

  /** The token with the largest logit; the lowest id of equals. */
  static int likeliest(double[] logits) {
    int best = 0;
    for (int v = 1; v < logits.length; v++) {
      if (logits[v] > logits[best]) {
        best = v;
      }
    }
    return best;
  }

  /** -ln p[token]. */
  static double crossEntropy(double[] logits, int token) {
    double max = max(logits);
    return max - logits[token] + Math.log(sum(logits, max));
  }

  private static double max(double[] logits) {
    double max = Double.NEGATIVE_INFINITY;
    for (double logit : logits) {
      max = Math.max(max, logit);
    }
    return max;
  }

  private static double sum(double[] logits, double max) {
    double sum = 0;
    for (double logit : logits) {
      sum += Math.exp(logit - max);
    }
    return sum;
  }
}
