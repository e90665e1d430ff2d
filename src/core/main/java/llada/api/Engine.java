package llada.api;

import static llada.api.Request.given;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import llada.diffusion.DiffusionSampler;
import llada.diffusion.Generation;
import llada.diffusion.KeptPrefix;
import llada.diffusion.NonFiniteLogitsException;
import llada.diffusion.RandomSource;
import llada.diffusion.ReverseProcess;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.kernel.Kernels;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.MaskPredictor;
import llada.model.PartialPass;
import llada.model.Portion;
import llada.model.Predictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;

/**
 * Weights at work: the mask predictor with its buffers and the sampler, over token ids. It knows no
 * tokenizer and no file; {@link Llada} does.
 *
 * <p>Generations are started and then driven step by step. Those that are stepped together share
 * one pass over the weights, whatever their lengths and options, and each gets the tokens that it
 * would get alone.
 *
 * <p>Any number of threads may use an engine: their steps are served in turn. Buffers grow to the
 * largest pass that was asked for.
 */
public final class Engine implements AutoCloseable {
  private final LladaConfig config;
  private final LladaWeights weights;
  private final Kernels kernels;
  private final boolean causal;
  private final ReentrantLock turn = new ReentrantLock(true);
  private final DiffusionSampler sampler;
  private MaskPredictor predictor; // null before the first pass, and when closed
  private int room; // tokens that it has buffers for
  private boolean closed;

  /** What the sampler asks: the predictor of the day, which grows. */
  private final Predictor current =
      new Predictor() {
        @Override
        public LladaConfig config() {
          return config;
        }

        @Override
        public Kernels kernels() {
          return kernels;
        }

        @Override
        public Tensor forward(TokenBatch batch, int[] rows) {
          return roomFor(batch.size() * batch.length()).forward(batch, rows);
        }

        @Override
        public Tensor forward(TokenBatch batch, PartialPass pass, int[] rows) {
          return roomFor(batch.size() * batch.length()).forward(batch, pass, rows);
        }
      };

  /**
   * An engine over these weights, which stay the caller's, as do the kernels.
   *
   * @param kernels what computes; other engines may use the same
   */
  public Engine(LladaConfig config, LladaWeights weights, Kernels kernels) {
    this(config, weights, kernels, false);
  }

  /**
   * As above, or over the autoregressive model that LLaDA is compared with.
   *
   * @param causal a token sees only those before it; for {@link #with} alone
   */
  public Engine(LladaConfig config, LladaWeights weights, Kernels kernels, boolean causal) {
    this.causal = causal;
    this.config = given(config, "the config");
    this.weights = given(weights, "the weights");
    this.kernels = given(kernels, "what computes");
    this.sampler = new DiffusionSampler(current, config);
  }

  /** Shape and special tokens. */
  public LladaConfig config() {
    return config;
  }

  /** What computes. */
  public Kernels kernels() {
    return kernels;
  }

  /**
   * Begins an answer, without a pass yet. The caller closes it.
   *
   * @param prompt (P)
   * @throws IllegalArgumentException if prompt and answer are longer than the model allows
   */
  public ReverseProcess start(int[] prompt, SamplerOptions options, long seed) {
    return start(prompt, options, seed, Optional.empty());
  }

  /**
   * Begins the next answer of a conversation.
   *
   * @param kept what its former answers kept: not computed again where the model allows it
   */
  public ReverseProcess start(
      int[] prompt, SamplerOptions options, long seed, Optional<KeptPrefix> kept) {
    return sampler.start(prompt, options, RandomSource.seeded(seed), kept);
  }

  /** Begins to fill the masks of a text; as {@link DiffusionSampler#startInfill}. */
  ReverseProcess startInfill(int[] text, SamplerOptions options, long seed) {
    return sampler.startInfill(text, options, options.steps(), RandomSource.seeded(seed));
  }

  /**
   * Begins the answers of a batch, which take their steps together.
   *
   * @param prompts (B, P), shorter ones padded on the left
   * @param visible (B, P), false on padding; null where there is none
   */
  public ReverseProcess start(
      int[][] prompts, boolean[][] visible, SamplerOptions options, RandomSource random) {
    return sampler.start(prompts, visible, options, random);
  }

  /**
   * One step of each of these, in one pass over the weights where they can share it.
   *
   * @param processes none of them done
   * @return what happened in each; empty where it only looked how long its answer will be
   * @throws IllegalStateException if the engine is closed, or a process is done
   */
  public List<Optional<StepListener.Step>> step(List<ReverseProcess> processes) {
    return step(
        processes,
        (_, e) -> {
          throw e;
        });
  }

  /**
   * The same, where what is wrong with the logits of one is no matter of the others.
   *
   * @param failed is told which of them cannot go on, and why
   */
  List<Optional<StepListener.Step>> step(
      List<ReverseProcess> processes, BiConsumer<Integer, NonFiniteLogitsException> failed) {
    turn.lock();
    try {
      List<Optional<Portion>> plans = processes.stream().map(ReverseProcess::plan).toList();
      List<Optional<StepListener.Step>> steps = new ArrayList<>();
      processes.forEach(_ -> steps.add(Optional.empty()));
      List<Integer> shared = new ArrayList<>();
      for (int i = 0; i < plans.size(); i++) {
        if (plans.get(i).map(Portion::shares).orElse(false)) {
          shared.add(i);
        }
      }
      int most = shared.stream().mapToInt(i -> processes.get(i).room()).sum();
      Tensor logits = pass(shared.stream().map(i -> plans.get(i).get()).toList(), most);
      int row = 0;
      for (int i : shared) {
        int rows = plans.get(i).get().rows().length;
        steps.set(i, commit(processes.get(i), logits.rows(row, rows), e -> failed.accept(i, e)));
        row += rows;
      }
      for (int i : IntStream.range(0, plans.size()).toArray()) {
        if (!shared.contains(i)) { // alone, or without a pass
          int room = processes.get(i).room();
          Tensor own = plans.get(i).map(portion -> pass(List.of(portion), room)).orElse(null);
          steps.set(i, commit(processes.get(i), own, e -> failed.accept(i, e)));
        }
      }
      return steps;
    } finally {
      turn.unlock();
    }
  }

  private static Optional<StepListener.Step> commit(
      ReverseProcess process, Tensor logits, Consumer<NonFiniteLogitsException> failed) {
    try {
      return process.commit(logits);
    } catch (NonFiniteLogitsException e) {
      failed.accept(e);
      return Optional.empty();
    }
  }

  private Tensor pass(List<Portion> portions, int room) {
    return portions.isEmpty() ? null : roomFor(room).forward(portions);
  }

  /** Answers one prompt from beginning to end. */
  public Generation generate(
      int[] prompt, SamplerOptions options, long seed, StepListener listener) {
    return generate(new int[][] {prompt}, null, options, RandomSource.seeded(seed), listener);
  }

  /** Answers a left-padded batch from beginning to end; as {@link DiffusionSampler#generate}. */
  public Generation generate(
      int[][] prompts,
      boolean[][] visible,
      SamplerOptions options,
      RandomSource random,
      StepListener listener) {
    if (!sampler.together(options) && (prompts.length > 1 || visible != null)) {
      return exclusively( // each sequence of its own length
          () -> {
            roomFor(prompts[0].length + options.genLength());
            return sampler.generate(prompts, visible, options, random, listener);
          });
    }
    try (ReverseProcess process = start(prompts, visible, options, random)) {
      while (!process.done()) {
        step(List.of(process)).getFirst().ifPresent(listener::step);
      }
      return process.generation();
    }
  }

  /** Fills the masks of a text, wherever they stand; as {@link DiffusionSampler#infill}. */
  public Generation infill(int[] text, SamplerOptions options, int steps, RandomSource random) {
    return exclusively(() -> sampler.infill(text, options, steps, random, StepListener.NONE));
  }

  /**
   * Computes something with the predictor, while no other thread does.
   *
   * @param tokens B * T that it needs room for
   */
  public <R> R with(int tokens, Function<MaskPredictor, R> use) {
    return exclusively(() -> use.apply(roomFor(tokens)));
  }

  private <R> R exclusively(Supplier<R> use) {
    turn.lock();
    try {
      return use.get();
    } finally {
      turn.unlock();
    }
  }

  /** A predictor's buffers are allocated once for its largest pass; a larger one needs another. */
  private MaskPredictor roomFor(int tokens) {
    if (closed) {
      throw new IllegalStateException("the model is closed");
    }
    if (predictor == null || tokens > room) {
      if (predictor != null) {
        predictor.close();
        predictor = null;
      }
      try {
        predictor = new MaskPredictor(config, weights, kernels, tokens, causal);
      } catch (OutOfMemoryError e) {
        throw MemoryNeed.tooMuch(config, weights, tokens, e);
      }
      room = tokens;
    }
    return predictor;
  }

  /** Frees the buffers, after the step that another thread may be at. */
  @Override
  public void close() {
    turn.lock();
    try {
      closed = true;
      if (predictor != null) {
        predictor.close();
        predictor = null;
      }
    } finally {
      turn.unlock();
    }
  }
}
