package llada.experiments;

import java.util.SplittableRandom;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * A distribution over all sequences of a few letters, small enough to be enumerated: p(x) is
 * proportional to exp(sum of couplings), a random number for every pair of positions and letters
 * there. Nothing in it is independent of anything else.
 */
final class SmallDistribution {
  private final int letters;
  private final int length;
  private final double[] p;

  /** The distribution of a seed. */
  SmallDistribution(int letters, int length, double strength, long seed) {
    this.letters = letters;
    this.length = length;
    SplittableRandom random = RandomStreams.of(seed, Purpose.EXPERIMENT_TRUTH);
    double[] couplings = new double[length * length * letters * letters];
    for (int i = 0; i < couplings.length; i++) {
      couplings[i] = strength * random.nextGaussian();
    }
    p = new double[(int) Math.pow(letters, length)];
    double sum = 0;
    for (int code = 0; code < p.length; code++) {
      int[] x = sequence(code);
      double energy = 0;
      for (int i = 0; i < length; i++) {
        for (int j = 0; j < i; j++) {
          energy += couplings[((i * length + j) * letters + x[i]) * letters + x[j]];
        }
      }
      p[code] = Math.exp(energy);
      sum += p[code];
    }
    for (int code = 0; code < p.length; code++) {
      p[code] /= sum;
    }
  }

  int letters() {
    return letters;
  }

  int length() {
    return length;
  }

  /** The probability of each sequence, by its code. */
  double[] p() {
    return p.clone();
  }

  /** Sequences. */
  int size() {
    return p.length;
  }

  /** The sequence of a code: its digits, the first position the lowest. */
  int[] sequence(int code) {
    int[] x = new int[length];
    int rest = code;
    for (int i = 0; i < length; i++) {
      x[i] = rest % letters;
      rest /= letters;
    }
    return x;
  }

  int code(int[] x) {
    int code = 0;
    for (int i = length - 1; i >= 0; i--) {
      code = code * letters + x[i];
    }
    return code;
  }

  int[] sample(SplittableRandom random) {
    double left = random.nextDouble();
    int code = 0;
    while (code < p.length - 1 && left >= p[code]) {
      left -= p[code++];
    }
    return sequence(code);
  }

  /** -sum p ln p. */
  double entropy() {
    return crossEntropy(p);
  }

  /** -sum p ln q, in nats: of sequences that are told in the code for q. */
  double crossEntropy(double[] q) {
    double sum = 0;
    for (int code = 0; code < p.length; code++) {
      sum -= p[code] * Math.log(q[code]);
    }
    return sum;
  }

  /** The mean of a number for each sequence. */
  double mean(double[] values) {
    double sum = 0;
    for (int code = 0; code < p.length; code++) {
      sum += p[code] * values[code];
    }
    return sum;
  }
}
