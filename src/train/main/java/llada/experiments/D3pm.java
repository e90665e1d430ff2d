package llada.experiments;

import java.util.Arrays;

/**
 * The discrete chain of D3PM (Austin et al. 2021) for one token: T steps of noise with matrices
 * Q_t, and what is lost when they are undone. Written with matrices and Bayes' rule only, so that
 * nothing of LLaDA's short form goes in.
 *
 * <pre>
 *   q(x_t | x_0)          = Q_1 Q_2 ... Q_t [x_0, x_t]
 *   q(x_t-1 | x_t, x_0)   = q(x_t | x_t-1) q(x_t-1 | x_0) / q(x_t | x_0)
 *   p(x_t-1 | x_t)        = sum over x_0 of p(x_0 | x_t) q(x_t-1 | x_t, x_0)
 *   L_t                   = KL(q(x_t-1 | x_t, x_0) || p(x_t-1 | x_t)); for t = 1, -ln p(x_0 | x_1)
 * </pre>
 *
 * Both noises are linear: after step t a token is untouched with probability 1 - t / T.
 */
final class D3pm {
  private final int states;
  private final int steps;
  private final double[][][] q; // Q_t at t - 1
  private final double[][][] cumulative; // after t steps, at t

  private D3pm(int states, int steps, double[][][] q) {
    this.states = states;
    this.steps = steps;
    this.q = q;
    cumulative = new double[steps + 1][][];
    cumulative[0] = identity(states);
    for (int t = 1; t <= steps; t++) {
      cumulative[t] = product(cumulative[t - 1], q[t - 1]);
    }
  }

  /** A token becomes the mask, the last state, and stays it. */
  static D3pm absorbing(int letters, int steps) {
    double[] target = new double[letters + 1];
    target[letters] = 1;
    return towards(target, steps);
  }

  /** A token becomes a random letter; there is no mask. */
  static D3pm uniform(int letters, int steps) {
    double[] target = new double[letters];
    Arrays.fill(target, 1.0 / letters);
    return towards(target, steps);
  }

  /** Q_t = (1 - b) I + b 1 target, with b = 1 / (T - t + 1). */
  private static D3pm towards(double[] target, int steps) {
    double[][][] q = new double[steps][target.length][target.length];
    for (int t = 1; t <= steps; t++) {
      double b = 1.0 / (steps - t + 1);
      for (int i = 0; i < target.length; i++) {
        for (int j = 0; j < target.length; j++) {
          q[t - 1][i][j] = (i == j ? 1 - b : 0) + b * target[j];
        }
      }
    }
    return new D3pm(target.length, steps, q);
  }

  private static double[][] identity(int n) {
    double[][] one = new double[n][n];
    for (int i = 0; i < n; i++) {
      one[i][i] = 1;
    }
    return one;
  }

  private static double[][] product(double[][] a, double[][] b) {
    double[][] c = new double[a.length][a.length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < a.length; j++) {
        for (int k = 0; k < a.length; k++) {
          c[i][j] += a[i][k] * b[k][j];
        }
      }
    }
    return c;
  }

  int states() {
    return states;
  }

  int steps() {
    return steps;
  }

  /** q(x_t | x_0). */
  double forward(int t, int x0, int xt) {
    return cumulative[t][x0][xt];
  }

  /** q(x_t-1 | x_t, x_0) of every x_t-1. */
  double[] posterior(int t, int xt, int x0) {
    double[] p = new double[states];
    for (int s = 0; s < states; s++) {
      p[s] = q[t - 1][s][xt] * cumulative[t - 1][x0][s] / cumulative[t][x0][xt];
    }
    return p;
  }

  /**
   * The loss of a token in step t.
   *
   * @param px0 p(x_0 | x_t) of every letter, the network's word
   */
  double loss(int t, int xt, int x0, double[] px0) {
    if (t == 1) {
      return -Math.log(px0[x0]);
    }
    double[] reverse = new double[states];
    for (int v = 0; v < px0.length; v++) {
      if (px0[v] > 0 && cumulative[t][v][xt] > 0) {
        double[] p = posterior(t, xt, v);
        for (int s = 0; s < states; s++) {
          reverse[s] += px0[v] * p[s];
        }
      }
    }
    double[] truth = posterior(t, xt, x0);
    double kl = 0;
    for (int s = 0; s < states; s++) {
      kl += truth[s] > 0 ? truth[s] * Math.log(truth[s] / reverse[s]) : 0;
    }
    return kl;
  }
}
