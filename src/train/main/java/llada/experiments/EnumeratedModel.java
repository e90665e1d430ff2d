package llada.experiments;

import java.util.Arrays;
import java.util.SplittableRandom;
import llada.train.TrainingData;

/**
 * All that a mask predictor says about short sequences of few letters: the conditional
 * probabilities in each of the (letters + 1)^length partly masked states. From these, likelihoods,
 * bounds and the distribution of the sampler follow exactly, by sums over all masks.
 */
final class EnumeratedModel {
  private final int letters;
  private final int length;
  private final double[][][] log; // (states, positions, letters); null where nothing is masked

  private EnumeratedModel(int letters, int length, double[][][] log) {
    this.letters = letters;
    this.length = length;
    this.log = log;
  }

  /** Letters are the tokens 0, 1, ...; the mask comes next, and then the start. */
  static SmallModel.Vocabulary vocabulary(int letters) {
    return new SmallModel.Vocabulary(letters + 1, letters, 1);
  }

  /** Fresh sequences behind their start. */
  static TrainingData.Batch batch(SmallDistribution truth, int count, SplittableRandom random) {
    int[][] x0 = new int[count][];
    for (int b = 0; b < count; b++) {
      x0[b] = started(truth.letters(), truth.sample(random));
    }
    return SmallModel.Source.batch(x0, 1);
  }

  /**
   * A sequence behind a start that is never masked. Positions enter the network as distances only
   * (RoPE), so that where all is masked it could not tell one position from another without it.
   */
  static int[] started(int letters, int[] x) {
    int[] whole = new int[1 + x.length];
    whole[0] = letters + 1;
    System.arraycopy(x, 0, whole, 1, x.length);
    return whole;
  }

  /** Asks a model about every state, the start given. */
  static EnumeratedModel of(SmallModel model, int letters, int length) {
    return of(model, letters, length, true);
  }

  /**
   * Asks a model about every state.
   *
   * @param start whether it was trained with the start before each sequence
   */
  static EnumeratedModel of(SmallModel model, int letters, int length, boolean start) {
    int states = (int) Math.pow(letters + 1, length);
    int shift = start ? 1 : 0;
    int[][] xt = new int[states][];
    int[][] masked = new int[states][];
    for (int state = 0; state < states; state++) {
      int rest = state;
      int[] found = new int[length];
      int count = 0;
      int[] x = new int[length];
      for (int i = 0; i < length; i++) {
        x[i] = rest % (letters + 1); // the mask is the token behind the letters
        rest /= letters + 1;
        if (x[i] == letters) {
          found[count++] = i + shift;
        }
      }
      xt[state] = start ? started(letters, x) : x;
      masked[state] = Arrays.copyOf(found, count);
    }
    double[][][] some = model.logProbabilities(xt, masked);
    double[][][] log = new double[states][length][];
    for (int state = 0; state < states; state++) {
      for (int i = 0; i < masked[state].length; i++) {
        log[state][masked[state][i] - shift] = some[state][i];
      }
    }
    return new EnumeratedModel(letters, length, log);
  }

  int length() {
    return length;
  }

  /** Distributions at the masked positions of {@code xt}, in which masks are {@code letters}. */
  double[][] conditionals(int[] xt) {
    int state = 0;
    for (int i = length - 1; i >= 0; i--) {
      state = state * (letters + 1) + xt[i];
    }
    return log[state];
  }

  /** -ln p(x[i] | x without the masked), where bit i of {@code mask} is set. */
  double crossEntropy(int[] x, int mask, int i) {
    return -log[state(x, mask)][i][x[i]];
  }

  /** Sum over the masked positions. */
  double crossEntropy(int[] x, int mask) {
    double sum = 0;
    int state = state(x, mask);
    for (int i = 0; i < length; i++) {
      if ((mask >> i & 1) != 0) {
        sum -= log[state][i][x[i]];
      }
    }
    return sum;
  }

  private int state(int[] x, int mask) {
    int state = 0;
    for (int i = length - 1; i >= 0; i--) {
      state = state * (letters + 1) + ((mask >> i & 1) != 0 ? letters : x[i]);
    }
    return state;
  }

  /**
   * The probability with which the sampler writes x, if it reveals one token a step, at temperature
   * 1, in random order: a sum over all orders, built up from subsets.
   */
  double probability(int[] x) {
    int full = (1 << length) - 1;
    double[] reach = new double[full + 1]; // by what is still masked
    reach[full] = 1;
    for (int mask = full; mask > 0; mask--) { // a subset is a smaller number
      for (int i = 0; i < length; i++) {
        if ((mask >> i & 1) != 0) {
          reach[mask & ~(1 << i)] +=
              reach[mask] * Math.exp(-crossEntropy(x, mask, i)) / Integer.bitCount(mask);
        }
      }
    }
    return reach[0];
  }

  /**
   * LLaDA's loss of x (eq. 3, equal to eq. 14), the sum over all masks: those of l tokens weigh 1 /
   * (l C(L, l)).
   */
  double bound(int[] x) {
    double sum = 0;
    for (int mask = 1; mask < 1 << length; mask++) {
      int l = Integer.bitCount(mask);
      sum += crossEntropy(x, mask) / (l * choose(length, l));
    }
    return sum;
  }

  /** What a fixed ratio takes for -ln p(x): L times the mean loss of a masked token. */
  double fixedRatioLoss(int[] x, double ratio) {
    double sum = 0;
    for (int mask = 1; mask < 1 << length; mask++) {
      int l = Integer.bitCount(mask);
      sum += Math.pow(ratio, l) * Math.pow(1 - ratio, length - l) * crossEntropy(x, mask);
    }
    return sum / ratio;
  }

  /** The mean of -ln p(x) along every order of revealing: eq. 15, any-order autoregression. */
  double chainRule(int[] x) {
    return orders(x, (1 << length) - 1) / factorial(length);
  }

  /** Sum over the orders of what is left. */
  private double orders(int[] x, int mask) {
    double sum = 0;
    for (int i = 0; i < length; i++) {
      if ((mask >> i & 1) != 0) {
        int rest = mask & ~(1 << i);
        sum += crossEntropy(x, mask, i) * factorial(Integer.bitCount(rest)) + orders(x, rest);
      }
    }
    return sum;
  }

  /** One sample of the t-form (eq. 12): t ~ U(0, 1), each token masked with probability t. */
  double tForm(int[] x, SplittableRandom random) {
    double t = 1 - random.nextDouble();
    int mask = 0;
    for (int i = 0; i < length; i++) {
      mask |= random.nextDouble() < t ? 1 << i : 0;
    }
    return mask == 0 ? 0 : crossEntropy(x, mask) / t;
  }

  /** One sample of the l-form (eq. 14): l ~ U{1..L} tokens masked, without replacement. */
  double lForm(int[] x, SplittableRandom random) {
    int l = 1 + random.nextInt(length);
    int mask = 0;
    int left = l;
    for (int i = 0; i < length; i++) {
      if (random.nextInt(length - i) < left) {
        left--;
        mask |= 1 << i;
      }
    }
    return crossEntropy(x, mask) * length / l;
  }

  /** One sample of the chain rule: a random order of revealing. */
  double chainRule(int[] x, SplittableRandom random) {
    int mask = (1 << length) - 1;
    double sum = 0;
    while (mask != 0) {
      int i = random.nextInt(length);
      if ((mask >> i & 1) != 0) {
        sum += crossEntropy(x, mask, i);
        mask &= ~(1 << i);
      }
    }
    return sum;
  }

  private static double choose(int n, int k) {
    return factorial(n) / factorial(k) / factorial(n - k);
  }

  private static double factorial(int n) {
    double product = 1;
    for (int i = 2; i <= n; i++) {
      product *= i;
    }
    return product;
  }
}
