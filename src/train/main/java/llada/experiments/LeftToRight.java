package llada.experiments;

import java.util.Arrays;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.kernel.scalar.GumbelMax;

/** Generation of the autoregressive arm: a token at a time, without a cache. */
final class LeftToRight {
  private LeftToRight() {}

  /**
   * Goes on with the prompts, greedily or at a temperature.
   *
   * @param prompts (B, P), P at least 1: the first token is given
   * @return (B, P + gen_length)
   */
  static int[][] generate(
      SmallModel model, int[][] prompts, SamplerOptions options, RandomSource random) {
    int prompt = prompts[0].length;
    int[][] x = new int[prompts.length][];
    int[][] last = new int[prompts.length][1];
    for (int b = 0; b < x.length; b++) {
      x[b] = prompts[b].clone();
    }
    for (int i = 0; i < options.genLength(); i++) {
      int at = prompt + i;
      for (int[] row : last) {
        row[0] = at - 1;
      }
      double[][][] log = model.logProbabilities(x, last);
      for (int b = 0; b < x.length; b++) {
        x[b] = Arrays.copyOf(x[b], at + 1);
        x[b][at] = choose(log[b][0], options.temperature(), random, i, b, at);
      }
    }
    return x;
  }

  private static int choose(
      double[] log, double temperature, RandomSource random, int step, int b, int position) {
    int best = 0;
    double most = Double.NEGATIVE_INFINITY;
    for (int v = 0; v < log.length; v++) {
      double value =
          temperature > 0
              ? GumbelMax.noised(log[v], temperature, random.noise(step, b, position, v))
              : log[v];
      if (value > most) {
        most = value;
        best = v;
      }
    }
    return best;
  }
}
