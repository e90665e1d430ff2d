package llada.train;

import it.unimi.dsi.fastutil.doubles.DoubleArrayList;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.SplittableRandom;
import llada.diffusion.NoisyBatch;
import llada.diffusion.Objective;
import llada.model.TokenBatch;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * How well held-out text is known: the Monte Carlo bound on its negative log-likelihood per token
 * (LLaDA eq. 6 and 14). For a sequence of L tokens, l of them are masked without replacement, and
 * (1 / l) sum CE is averaged over l from 1 to L, stratified. For the autoregressive objective it is
 * the likelihood itself. The masks are the same each time, so that values can be compared.
 *
 * @param nats per token
 * @param tokens that were predicted at least once
 */
public record Validation(double nats, long tokens) {
  private static final long SEED = 20250214;

  /** exp of the bound. */
  public double perplexity() {
    return Math.exp(nats);
  }

  /**
   * Measures.
   *
   * @param sequences of the validation set, at most this many
   * @param samples maskings of each sequence
   */
  public static Validation of(
      Network network,
      TrainingData data,
      int sequences,
      int samples,
      Objective objective,
      int mask) {
    double sum = 0;
    long tokens = 0;
    int count = Math.min(sequences, data.validationSequences());
    for (int i = 0; i < count; i++) {
      TrainingData.Batch batch = data.validation(i);
      int[] x0 = batch.x0()[0];
      int prompt = batch.promptLengths() == null ? 0 : batch.promptLengths()[0];
      int answer = x0.length - prompt;
      double nats = 0;
      if (objective == Objective.AR) {
        nats = network.loss(next(x0, prompt));
      } else {
        SplittableRandom random = RandomStreams.of(SEED, Purpose.VALIDATION, i);
        double shift = random.nextDouble();
        for (int s = 0; s < samples; s++) {
          int masked = 1 + (int) ((s + shift) / samples * answer);
          nats += network.loss(masked(x0, prompt, Math.min(masked, answer), mask, random));
        }
        nats /= samples;
      }
      sum += nats * answer;
      tokens += answer;
    }
    return new Validation(tokens == 0 ? Double.NaN : sum / tokens, tokens);
  }

  private static NoisyBatch masked(
      int[] x0, int prompt, int count, int mask, SplittableRandom random) {
    int[] xt = x0.clone();
    IntArrayList rows = new IntArrayList();
    IntArrayList targets = new IntArrayList();
    DoubleArrayList weights = new DoubleArrayList();
    int left = count;
    for (int i = prompt; i < x0.length; i++) { // selection sampling: every choice is as likely
      if (random.nextDouble() * (x0.length - i) < left) {
        left--;
        xt[i] = mask;
        rows.add(i);
        targets.add(x0[i]);
        weights.add(1.0 / count);
      }
    }
    return batch(xt, rows, targets, weights, false);
  }

  private static NoisyBatch next(int[] x0, int prompt) {
    IntArrayList rows = new IntArrayList();
    IntArrayList targets = new IntArrayList();
    DoubleArrayList weights = new DoubleArrayList();
    for (int i = Math.max(1, prompt); i < x0.length; i++) {
      rows.add(i - 1);
      targets.add(x0[i]);
      weights.add(1.0 / (x0.length - Math.max(1, prompt)));
    }
    return batch(x0, rows, targets, weights, true);
  }

  private static NoisyBatch batch(
      int[] xt, IntArrayList rows, IntArrayList targets, DoubleArrayList weights, boolean causal) {
    return new NoisyBatch(
        TokenBatch.of(xt),
        rows.toIntArray(),
        targets.toIntArray(),
        weights.toDoubleArray(),
        new float[1],
        causal);
  }
}
