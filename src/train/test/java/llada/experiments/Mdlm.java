package llada.experiments;

/**
 * The continuous-time loss of MDLM (Sahoo et al. 2024, eq. 10): a token is still there with
 * probability a(t), and masked ones weigh -a'(t) / (1 - a(t)).
 */
enum Mdlm {
  /** a = 1 - t, LLaDA's: the weight is 1 / t. */
  LINEAR {
    @Override
    double kept(double t) {
      return 1 - t;
    }

    @Override
    double slope(double t) {
      return -1;
    }
  },
  /** a = cos(pi t / 2). */
  COSINE {
    @Override
    double kept(double t) {
      return Math.cos(Math.PI * t / 2);
    }

    @Override
    double slope(double t) {
      return -Math.PI / 2 * Math.sin(Math.PI * t / 2);
    }
  },
  /** a = (1 - t)^2. */
  SQUARE {
    @Override
    double kept(double t) {
      return (1 - t) * (1 - t);
    }

    @Override
    double slope(double t) {
      return -2 * (1 - t);
    }
  };

  /** a(t). */
  abstract double kept(double t);

  /** a'(t). */
  abstract double slope(double t);

  /** What a masked token weighs. */
  double weight(double t) {
    return -slope(t) / (1 - kept(t));
  }

  /**
   * The expected loss of a sequence by numeric integration over t: at each t the sum over all masks
   * of their probability times the weighted cross entropy.
   */
  double loss(EnumeratedModel model, int[] x, int points) {
    double sum = 0;
    for (int k = 0; k < points; k++) {
      double t = (k + 0.5) / points;
      double masked = 1 - kept(t);
      double expected = 0;
      for (int mask = 1; mask < 1 << x.length; mask++) {
        int l = Integer.bitCount(mask);
        expected +=
            Math.pow(masked, l) * Math.pow(1 - masked, x.length - l) * model.crossEntropy(x, mask);
      }
      sum += weight(t) * expected / points;
    }
    return sum;
  }
}
