package llada.diffusion;

import java.util.Arrays;
import java.util.Optional;
import llada.diffusion.cache.Progress;
import llada.model.AttentionConfig;
import llada.model.LladaConfig;
import llada.model.Portion;
import llada.model.Predictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;

/**
 * Autoregressive decoding, of the models that LLaDA is compared with: the logits of the last token
 * say the next one, until it is an end. Keys and values of what is before are kept, so the first
 * pass computes the prompt and each other one a token; in published mode all is computed anew.
 */
final class LeftToRight implements ReverseProcess {
  private final LladaConfig config;
  private final int promptLength;
  private final int[] x;
  private final double[] confidence;
  private final int[] committedAt;
  private final PrefixReader prefix;
  private final TokenDraws draws;
  private final long start = System.nanoTime();
  private int length; // tokens so far
  private boolean done;
  private long positions;

  /**
   * A generation.
   *
   * @param prompt (P), at least one token
   * @param shared what a former generation kept and this one keeps; empty for nothing
   */
  LeftToRight(
      Predictor predictor,
      LladaConfig config,
      SamplerOptions options,
      RandomSource random,
      int[] prompt,
      Optional<KeptPrefix> shared) {
    this.config = config;
    this.promptLength = prompt.length;
    this.length = prompt.length;
    this.x = Arrays.copyOf(prompt, prompt.length + options.genLength());
    this.confidence = new double[x.length];
    this.committedAt = new int[x.length];
    Arrays.fill(committedAt, 0, prompt.length, Progress.NEVER);
    this.draws = new TokenDraws(predictor, config, options, random);
    this.prefix =
        options.mode() == SamplerMode.INTENDED
            ? new PrefixReader(
                predictor,
                options.decoder().cacheType(),
                AttentionConfig.CAUSAL,
                prompt,
                x.length,
                shared)
            : new PrefixReader();
  }

  @Override
  public boolean done() {
    return done;
  }

  @Override
  public Optional<Portion> plan() {
    if (done) {
      throw new IllegalStateException("the generation is finished: there is no step to plan");
    }
    TokenBatch batch = TokenBatch.of(Arrays.copyOf(x, length));
    Portion portion = prefix.portion(batch, length - 1, new int[] {length - 1});
    positions += portion.computed();
    return Optional.of(portion);
  }

  @Override
  public Optional<StepListener.Step> commit(Tensor logits) {
    int step = length - promptLength;
    draws.propose(logits, new int[] {length - 1}, length, step);
    prefix.saw(length);
    x[length] = draws.token(0);
    confidence[length] = draws.probability(0);
    committedAt[length] = step;
    int[] position = {length++};
    done = config.ends(x[position[0]]) || length == x.length;
    Generation now = generation();
    double[] shown = new double[length];
    Arrays.fill(shown, Double.NEGATIVE_INFINITY);
    shown[position[0]] = draws.probability(0);
    return Optional.of(
        new StepListener.Step(
            0,
            step,
            x.length - promptLength,
            now.x(),
            new int[][] {position},
            new double[][] {shown},
            now.x()));
  }

  @Override
  public int room() {
    return x.length;
  }

  @Override
  public Generation generation() {
    int steps = length - promptLength;
    return new Generation(
        new int[][] {Arrays.copyOf(x, length)},
        promptLength,
        steps,
        steps,
        positions,
        System.nanoTime() - start,
        new double[][] {Arrays.copyOf(confidence, length)},
        new int[][] {Arrays.copyOf(committedAt, length)});
  }

  /** Frees the cache, or leaves it to the next generation. */
  @Override
  public void close() {
    prefix.close(x);
  }
}
