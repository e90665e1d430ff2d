package llada.experiments;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;
import llada.api.Engine;
import llada.backend.Backend;
import llada.diffusion.Generation;
import llada.diffusion.NoisyBatch;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.kernel.Kernels;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.TokenBatch;
import llada.model.TrainablePredictor;
import llada.model.WeightTable;
import llada.tensor.NativeMemory;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tensor.Tensor;
import llada.train.AdamW;
import llada.train.LearningRate;
import llada.train.Network;
import llada.train.PredictorNetwork;
import llada.train.Trained;
import llada.train.TrainingData;
import llada.train.Weights;

/**
 * An arm of a comparison: a network in memory, trained with any masking. Everything but the masking
 * (and with it the direction of attention) and the tuned learning rate is the same for all arms.
 */
final class SmallModel implements AutoCloseable {
  /** A training whose loss is no number any more. */
  static final class Diverged extends IllegalStateException {
    private static final long serialVersionUID = 1;

    Diverged(String message) {
      super(message);
    }
  }

  private final Arena arena = Arena.ofShared();
  private final Kernels kernels;
  private final LladaConfig config;
  private final LladaWeights weights;
  private final Network network;
  private final Engine engine;
  private final Masking masking;
  private final int maxTokens;
  private final long seed;
  private long step;

  /** Channels, blocks, heads; the feed-forward part is 8/3 as wide, as is usual with SwiGLU. */
  record Shape(int dim, int layers, int heads) {
    int feedForward() {
      return (8 * dim / 3 + 7) / 8 * 8;
    }

    @Override
    public String toString() {
      return "%d layers, %d channels, %d heads, weights drawn with deviation 1 / sqrt(%d)"
          .formatted(layers, dim, heads, dim);
    }
  }

  /**
   * Token ids from 0.
   *
   * @param size of the vocabulary; the mask is its last id
   * @param eos may be the mask where there is no end
   * @param given ids behind the mask, which are only ever given and never written
   */
  record Vocabulary(int size, int eos, int given) {
    Vocabulary(int size, int eos) {
      this(size, eos, 0);
    }

    int mask() {
      return size - 1;
    }
  }

  /**
   * How long and how fast; the same for all arms.
   *
   * @param steps of the optimizer
   * @param batch sequences of a step
   * @param rate highest learning rate; it warms up for a twentieth and decays to a tenth over the
   *     last third
   * @param steady it does not decay, and warms up for 500 steps, so that what is seen after some
   *     steps does not depend on how many follow
   */
  record Recipe(int steps, int batch, double rate, boolean steady) {
    private static final int WARM_UP = 500;

    Recipe(int steps, int batch, double rate) {
      this(steps, batch, rate, false);
    }

    private LearningRate schedule() {
      return steady
          ? new LearningRate.WarmupStableDecay(rate, rate, Math.min(WARM_UP, steps / 2), 1 / 3.0)
          : new LearningRate.WarmupStableDecay(rate, rate / 10, steps / 20, 1 / 3.0);
    }

    /** A third of the steps at another rate, for tuning. */
    Recipe trial(double tried) {
      return new Recipe(Math.max(1, steps / 3), batch, tried, steady);
    }

    @Override
    public String toString() {
      return "%d steps of %d sequences%s"
          .formatted(steps, batch, steady ? ", learning rate not lowered" : "");
    }
  }

  /** Where sequences come from. */
  interface Source {
    /** {@code count} sequences of one length. */
    TrainingData.Batch next(int count, SplittableRandom random);

    /** Sequences without a prompt as a batch. */
    static TrainingData.Batch batch(int[][] x0) {
      return new TrainingData.Batch(x0, null, new String[x0.length]);
    }

    /** Sequences whose first {@code prompt} tokens are given. */
    static TrainingData.Batch batch(int[][] x0, int prompt) {
      int[] prompts = new int[x0.length];
      Arrays.fill(prompts, prompt);
      return new TrainingData.Batch(x0, prompts, new String[x0.length]);
    }
  }

  /**
   * Fresh weights.
   *
   * @param maxLength of a sequence
   * @param maxBatch sequences of that length that can be computed together
   */
  SmallModel(
      Shape shape,
      Vocabulary vocabulary,
      Masking masking,
      int maxLength,
      int maxBatch,
      long seed,
      Backend backend) {
    this.masking = masking;
    this.seed = seed;
    this.maxTokens = maxLength * maxBatch;
    this.config = config(shape, vocabulary, maxLength);
    this.kernels = backend.kernels();
    // GPT-2's deviation of 0.02 is 1 / sqrt(2500): with few channels products would be next to
    // nothing, and training would spend its first thousands of steps on that.
    this.weights = Weights.random(config, seed, 1 / Math.sqrt(shape.dim), arena);
    boolean causal = masking.causal();
    this.network =
        new PredictorNetwork(
            config, weights, kernels, maxTokens, new TrainablePredictor.Options(false, causal));
    this.engine = new Engine(config, weights, kernels, causal);
  }

  /** What the sampler has to know of a network. */
  static LladaConfig config(Shape shape, Vocabulary vocabulary, int maxLength) {
    return new LladaConfig(
        shape.dim,
        shape.layers,
        shape.heads,
        shape.heads,
        shape.feedForward(),
        vocabulary.size,
        vocabulary.size + vocabulary.given,
        maxLength,
        10000,
        1e-5,
        false,
        vocabulary.mask(),
        vocabulary.eos,
        vocabulary.eos,
        OptionalInt.empty(),
        OptionalInt.empty());
  }

  /** The id of the mask. */
  int mask() {
    return config.maskTokenId();
  }

  /** Whether it goes from left to right. */
  boolean causal() {
    return masking.causal();
  }

  /** All weights of such a network. */
  static long allParameters(Shape shape, Vocabulary vocabulary, int maxLength) {
    return WeightTable.parameters(config(shape, vocabulary, maxLength));
  }

  /**
   * Trains; a second call goes on with the weights, with a new optimizer.
   *
   * @return the mean loss of the last tenth of the steps
   */
  double train(Recipe recipe, Source source) {
    return train(recipe, source, _ -> {});
  }

  /**
   * The same.
   *
   * @param after is told the number of steps done, after each
   */
  double train(Recipe recipe, Source source, IntConsumer after) {
    LearningRate rate = recipe.schedule();
    Trained trained = Trained.AllWeights.of(network);
    int tail = Math.max(1, recipe.steps / 10);
    double sum = 0;
    try (Arena state = Arena.ofShared()) {
      AdamW adamW = new AdamW(trained.parameters(), AdamW.Options.LLADA, kernels, state);
      for (int s = 0; s < recipe.steps; s++) {
        SplittableRandom random = RandomStreams.of(seed, Purpose.EXPERIMENT_STEP, step++);
        TrainingData.Batch batch = source.next(recipe.batch, random);
        NoisyBatch noisy = masking.noise(batch.x0(), batch.promptLengths(), random, mask());
        trained.clear();
        double loss = network.lossAndGradients(noisy);
        double norm = adamW.gradientNorm();
        if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
          throw new Diverged(
              "step %d of %s, seed %d: the loss is %s".formatted(s, masking, seed, loss));
        }
        adamW.step(s + 1, rate.at(s, recipe.steps), adamW.clipCoefficient(norm));
        sum += s >= recipe.steps - tail ? loss : 0;
        after.accept(s + 1);
      }
    }
    return sum / tail;
  }

  /** The weighted loss of a batch that fits. */
  double loss(NoisyBatch batch) {
    return network.loss(batch);
  }

  /**
   * ln p of every token before the mask, at some positions of sequences of one length; as many
   * sequences as there may be.
   *
   * @param xt (B, T)
   * @param positions (B, P) of each sequence, ascending
   * @return (B, P, V - 1)
   */
  double[][][] logProbabilities(int[][] xt, int[][] positions) {
    double[][][] all = new double[xt.length][][];
    int length = xt[0].length;
    int chunk = Math.max(1, maxTokens / length);
    for (int from = 0; from < xt.length; from += chunk) {
      int to = Math.min(xt.length, from + chunk);
      int count = 0;
      for (int b = from; b < to; b++) {
        count += positions[b].length;
      }
      int[] rows = new int[count];
      int r = 0;
      for (int b = from; b < to; b++) {
        for (int position : positions[b]) {
          rows[r++] = (b - from) * length + position;
        }
      }
      if (count == 0) {
        for (int b = from; b < to; b++) {
          all[b] = new double[0][];
        }
        continue;
      }
      TokenBatch batch = TokenBatch.of(Arrays.copyOfRange(xt, from, to));
      double[][] logs =
          engine.with(maxTokens, predictor -> logSoftmax(predictor.forward(batch, rows)));
      r = 0;
      for (int b = from; b < to; b++) {
        all[b] = Arrays.copyOfRange(logs, r, r + positions[b].length);
        r += positions[b].length;
      }
    }
    return all;
  }

  private double[][] logSoftmax(Tensor logits) {
    double[][] logs = new double[logits.dim(0)][];
    Arrays.setAll(logs, row -> logSoftmax(logits, row));
    return logs;
  }

  private double[] logSoftmax(Tensor logits, int row) {
    double[] values = new double[mask()];
    double max = Double.NEGATIVE_INFINITY;
    for (int v = 0; v < values.length; v++) {
      values[v] = logits.get((long) row * logits.dim(1) + v);
      max = Math.max(max, values[v]);
    }
    double sum = 0;
    for (double value : values) {
      sum += Math.exp(value - max);
    }
    double log = max + Math.log(sum);
    for (int v = 0; v < values.length; v++) {
      values[v] -= log;
    }
    return values;
  }

  /** One generation of a batch that fits, with its steps. */
  Generation generation(int[][] prompts, SamplerOptions options, RandomSource random) {
    return engine.generate(prompts, null, options, random, StepListener.NONE);
  }

  /**
   * Answers by the reverse process, or from left to right if this is the autoregressive model, of
   * which options only length and temperature count.
   *
   * @param prompts (B, P)
   * @return (B, gen_length)
   */
  int[][] generate(int[][] prompts, SamplerOptions options, RandomSource random) {
    int[][] answers = new int[prompts.length][];
    int length = prompts[0].length + options.genLength();
    int chunk = Math.max(1, maxTokens / length / (options.cfgScale() > 0 ? 2 : 1));
    for (int from = 0; from < prompts.length; from += chunk) {
      int[][] part = Arrays.copyOfRange(prompts, from, Math.min(prompts.length, from + chunk));
      int shift = from; // each chunk has random numbers of its own
      RandomSource own = shifted(random, shift);
      int[][] x =
          causal()
              ? LeftToRight.generate(this, part, options, own)
              : engine.generate(part, null, options, own, StepListener.NONE).x();
      for (int b = 0; b < part.length; b++) {
        answers[from + b] = Arrays.copyOfRange(x[b], prompts[0].length, length);
      }
    }
    return answers;
  }

  static RandomSource shifted(RandomSource random, int sequences) {
    return new RandomSource() {
      @Override
      public double noise(int step, int sequence, int position, int token) {
        return random.noise(step, sequence + sequences, position, token);
      }

      @Override
      public double score(int step, int sequence, int position) {
        return random.score(step, sequence + sequences, position);
      }

      @Override
      public OptionalLong noiseKey(int step, int sequence, int position) {
        return random.noiseKey(step, sequence + sequences, position);
      }
    };
  }

  @Override
  public void close() {
    engine.close();
    network.close();
    NativeMemory.free(arena);
  }
}
