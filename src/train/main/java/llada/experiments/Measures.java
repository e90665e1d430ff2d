package llada.experiments;

import it.unimi.dsi.fastutil.doubles.DoubleArrayList;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.Arrays;
import java.util.SplittableRandom;
import llada.diffusion.ForwardProcess;
import llada.diffusion.NoisyBatch;
import llada.diffusion.Objective;
import llada.evaluation.Proportion;
import llada.model.TokenBatch;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/** What is measured on sequences of one length, many at a time. */
final class Measures {
  private Measures() {}

  /**
   * Nats per token of held-out sequences behind their first {@code prompt} tokens: the l-form of
   * the bound (eq. 14), or the likelihood itself for the autoregressive model.
   *
   * @param samples maskings of each sequence; l is stratified over them
   */
  static double nats(SmallModel model, int[][] x0, int prompt, int samples, long seed) {
    int chunk = 32;
    int length = x0[0].length;
    SplittableRandom random = RandomStreams.of(seed, Purpose.EXPERIMENT_MEASURE);
    double sum = 0;
    for (int from = 0; from < x0.length; from += chunk) {
      int[][] part = Arrays.copyOfRange(x0, from, Math.min(x0.length, from + chunk));
      if (model.causal()) {
        int[] prompts = new int[part.length];
        Arrays.fill(prompts, prompt);
        NoisyBatch next =
            new ForwardProcess(Objective.AR, 0, false, model.mask()).noise(part, prompts, random);
        sum += model.loss(next) * part.length;
        continue;
      }
      for (int s = 0; s < samples; s++) {
        double l = (s + random.nextDouble()) / samples * (length - prompt);
        sum += model.loss(masked(model, part, prompt, 1 + (int) l, random)) * part.length / samples;
      }
    }
    return sum / x0.length;
  }

  /** Exactly {@code count} tokens of each sequence masked; the loss is the mean of theirs. */
  private static NoisyBatch masked(
      SmallModel model, int[][] x0, int prompt, int count, SplittableRandom random) {
    int[][] xt = new int[x0.length][];
    IntArrayList rows = new IntArrayList();
    IntArrayList targets = new IntArrayList();
    DoubleArrayList weights = new DoubleArrayList();
    for (int b = 0; b < x0.length; b++) {
      xt[b] = x0[b].clone();
      for (int i : positions(prompt, x0[b].length, count, random)) {
        xt[b][i] = model.mask();
        rows.add(b * x0[b].length + i);
        targets.add(x0[b][i]);
        weights.add(1.0 / count / x0.length);
      }
    }
    return new NoisyBatch(
        TokenBatch.of(xt),
        rows.toIntArray(),
        targets.toIntArray(),
        weights.toDoubleArray(),
        new float[x0.length],
        false);
  }

  private static int[] positions(int from, int to, int count, SplittableRandom random) {
    int[] chosen = new int[count];
    int left = count;
    for (int i = from; i < to; i++) { // selection sampling: every choice is as likely
      if (random.nextInt(to - i) < left) {
        chosen[count - left--] = i;
      }
    }
    return chosen;
  }

  /**
   * How often the mask predictor is right where this many tokens of each sequence are masked.
   *
   * @param count masked tokens, at least 1
   */
  static Proportion accuracy(SmallModel model, int[][] x0, int prompt, int count, long seed) {
    SplittableRandom random = RandomStreams.of(seed, Purpose.EXPERIMENT_MEASURE);
    int[][] xt = new int[x0.length][];
    int[][] masked = new int[x0.length][];
    for (int b = 0; b < x0.length; b++) {
      xt[b] = x0[b].clone();
      masked[b] = positions(prompt, x0[b].length, count, random);
      for (int i : masked[b]) {
        xt[b][i] = model.mask();
      }
    }
    double[][][] log = model.logProbabilities(xt, masked);
    int right = 0;
    for (int b = 0; b < x0.length; b++) {
      for (int i = 0; i < count; i++) {
        right += best(log[b][i]) == x0[b][masked[b][i]] ? 1 : 0;
      }
    }
    return new Proportion(right, (long) x0.length * count);
  }

  /** The index of the largest. */
  static int best(double[] values) {
    int best = 0;
    for (int v = 1; v < values.length; v++) {
      best = values[v] > values[best] ? v : best;
    }
    return best;
  }

  /** The share of texts that are coherent stories. */
  static Proportion coherent(int[][] stories) {
    return new Proportion(Arrays.stream(stories).filter(Fables::coherent).count(), stories.length);
  }

  /** The share that is left of them if each story counts once. */
  static Proportion distinctCoherent(int[][] stories) {
    long distinct =
        Arrays.stream(stories).filter(Fables::coherent).map(IntArrayList::wrap).distinct().count();
    return new Proportion(distinct, stories.length);
  }

  /** Prompts and answers as whole texts. */
  static int[][] join(int[][] prompts, int[][] answers) {
    int[][] all = new int[prompts.length][];
    for (int b = 0; b < all.length; b++) {
      all[b] = Arrays.copyOf(prompts[b], prompts[b].length + answers[b].length);
      System.arraycopy(answers[b], 0, all[b], prompts[b].length, answers[b].length);
    }
    return all;
  }
}
