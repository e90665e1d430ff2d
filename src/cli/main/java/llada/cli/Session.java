package llada.cli;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.function.Function;
import java.util.zip.CRC32C;
import llada.backend.Backend;
import llada.checkpoint.Checkpoint;
import llada.diffusion.DiffusionSampler;
import llada.diffusion.Generation;
import llada.diffusion.LikelihoodEstimator;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.LogLikelihood;
import llada.diffusion.MaskDraws;
import llada.diffusion.NonFiniteLogitsException;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.format.FormatException;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;
import llada.tensor.RandomStreams;
import llada.tokenizer.Tokenizer;

/** An open model on a running backend, and what it took to get there. */
final class Session implements AutoCloseable {
  private static final long GLANCE = 1 << 20;

  private final Checkpoint checkpoint;
  private final Tokenizer tokenizer;
  private final Backend backend;
  private final Duration startTime;
  private final Duration loadTime;
  private MaskPredictor predictor;
  private int predictorTokens;

  private Session(
      Checkpoint checkpoint, Tokenizer tokenizer, Backend backend, Duration start, Duration load) {
    this.checkpoint = checkpoint;
    this.tokenizer = tokenizer;
    this.backend = backend;
    this.startTime = start;
    this.loadTime = load;
  }

  /** Opens the model's files and starts the backend. */
  static Session open(ModelOptions model, BackendOptions computation) {
    Duration start = sinceProcessStart();
    long before = System.nanoTime();
    Backend backend = computation.start();
    try {
      Checkpoint checkpoint = model.open();
      try {
        Tokenizer tokenizer = checkpoint.tokenizer();
        Duration load = Duration.ofNanos(System.nanoTime() - before);
        return new Session(checkpoint, tokenizer, backend, start, load);
      } catch (Throwable e) {
        checkpoint.close();
        throw e;
      }
    } catch (Throwable e) {
      backend.close();
      throw e;
    }
  }

  /**
   * The launcher becomes the JVM, so this counts from the moment the user pressed Enter; less what
   * the launcher took to build the program.
   */
  private static Duration sinceProcessStart() {
    return ProcessHandle.current()
        .info()
        .startInstant()
        .map(started -> Duration.between(started, Instant.now()))
        .map(time -> time.minusSeconds(Long.getLong("llada.build.seconds", 0)))
        .filter(time -> !time.isNegative())
        .orElse(Duration.ZERO);
  }

  Checkpoint checkpoint() {
    return checkpoint;
  }

  LladaConfig config() {
    return checkpoint.config();
  }

  Tokenizer tokenizer() {
    return tokenizer;
  }

  /**
   * The text of tokens.
   *
   * @param skipSpecial whether to leave out what is no text, such as the start of a header
   */
  String text(int[] ids, boolean skipSpecial) {
    // The embedding may have more rows than the tokenizer has tokens; those are no text.
    int[] known = Arrays.stream(ids).filter(id -> id < tokenizer.size()).toArray();
    return tokenizer.decode(known, skipSpecial);
  }

  /** The text of tokens in the making, special ones included. */
  AnswerText drawable() {
    return new AnswerText(config(), ids -> text(ids, false));
  }

  Backend backend() {
    return backend;
  }

  /**
   * A few characters that differ from model to model and from settings to settings: what keeps
   * results of different runs apart. Of the weights, a glance is taken.
   */
  String fingerprint(Object... settings) {
    CRC32C sum = new CRC32C();
    sum.update(
        (config() + Arrays.deepToString(settings) + RandomStreams.VERSION)
            .getBytes(StandardCharsets.UTF_8));
    sum.update(checkpoint.weights().finalNorm().data().asByteBuffer());
    MemorySegment head = checkpoint.weights().head().data();
    sum.update(head.asSlice(0, Math.min(GLANCE, head.byteSize())).asByteBuffer());
    return HexFormat.of().toHexDigits((int) sum.getValue());
  }

  /** From the start of the process until loading began. */
  Duration startTime() {
    return startTime;
  }

  /** For opening the files and starting the backend. */
  Duration loadTime() {
    return loadTime;
  }

  /**
   * Generates one answer.
   *
   * @throws FormatException if the weights are damaged
   * @throws UsageException if prompt and answer do not fit the model's longest sequence
   */
  Generation generate(int[] prompt, SamplerOptions options, long seed, StepListener listener) {
    return generate(new int[][] {prompt}, null, options, RandomSource.seeded(seed), listener);
  }

  /** Generates an answer for each of a left-padded batch; as above. */
  Generation generate(
      int[][] prompts,
      boolean[][] visible,
      SamplerOptions options,
      RandomSource random,
      StepListener listener) {
    int length = prompts[0].length;
    checkLength(length, options.genLength(), config().maxSequenceLength());
    // Guidance runs the prompt a second time in the same batch, without its tokens.
    int rows = (options.cfgScale() > 0 ? 2 : 1) * prompts.length;
    int tokens = Math.multiplyExact(rows, length + options.genLength());
    return with(
        tokens,
        predictor ->
            new DiffusionSampler(predictor, config())
                .generate(prompts, visible, options, random, listener));
  }

  /**
   * Computes something with the predictor.
   *
   * @param tokens that it needs room for
   * @throws FormatException if the weights are damaged
   */
  <R> R with(int tokens, Function<MaskPredictor, R> use) {
    reserve(tokens);
    try {
      return use.apply(predictor);
    } catch (NonFiniteLogitsException e) {
      throw damaged(e);
    }
  }

  /**
   * Estimates the likelihood of an answer.
   *
   * @throws UsageException if prompt and answer do not fit the model's longest sequence
   */
  LogLikelihood likelihood(int[] prompt, int[] answer, LikelihoodOptions options, long seed) {
    return estimator(prompt, answer, options, seed, e -> e.estimate(prompt, answer));
  }

  /** Whether the model, decoding greedily, would answer so; as above. */
  boolean isGreedy(int[] prompt, int[] answer, LikelihoodOptions options) {
    return estimator(prompt, answer, options, 0, e -> e.isGreedy(prompt, answer));
  }

  private <R> R estimator(
      int[] prompt,
      int[] answer,
      LikelihoodOptions options,
      long seed,
      Function<LikelihoodEstimator, R> use) {
    int tokens = prompt.length + answer.length;
    if (tokens > config().maxSequenceLength()) {
      throw new UsageException(
          "the text has %d tokens; the model takes at most %d (max_sequence_length): shorten it"
              .formatted(tokens, config().maxSequenceLength()));
    }
    return with(
        LikelihoodEstimator.room(options, config(), tokens, answer.length),
        predictor ->
            use.apply(
                new LikelihoodEstimator(predictor, config(), options, MaskDraws.seeded(seed))));
  }

  /** Now that the logits are found to be no numbers, it is worth a look at all weights. */
  private FormatException damaged(NonFiniteLogitsException e) {
    String culprit =
        checkpoint.firstNonFinite().orElse("all weights are finite, but they overflow");
    return new FormatException(
        "%s: %s, so %s; download or convert the model again"
            .formatted(checkpoint.path(), culprit, e.getMessage()),
        e);
  }

  private static void checkLength(int prompt, int answer, int most) {
    long together = (long) prompt + answer;
    if (together <= most) {
      return;
    }
    long excess = together - most;
    String shorter = "shorten the prompt by %d tokens".formatted(excess);
    String remedy =
        prompt >= most
            ? shorter
            : "pass --gen-length %d or less%s"
                .formatted(most - prompt, excess < prompt ? ", or " + shorter : "");
    throw new UsageException(
        "the prompt has %d tokens and --gen-length is %d, together %d; the model takes at most %d (max_sequence_length): %s"
            .formatted(prompt, answer, together, most, remedy));
  }

  /** A predictor's buffers are allocated once for its longest input; a longer one needs another. */
  private void reserve(int tokens) {
    if (predictor != null && tokens <= predictorTokens) {
      return;
    }
    if (predictor != null) {
      predictor.close();
      predictor = null;
    }
    try {
      predictor =
          new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), tokens);
    } catch (OutOfMemoryError e) {
      MemoryNeed need = MemoryNeed.of(config(), checkpoint.tensors(), tokens);
      OutOfMemoryError clearer =
          new OutOfMemoryError(
              "%d tokens need about %s of buffers beside %s of weights"
                  .formatted(
                      tokens,
                      MemoryNeed.text(need.activationBytes()),
                      MemoryNeed.text(need.weightBytes())));
      clearer.initCause(e);
      throw clearer;
    }
    predictorTokens = tokens;
  }

  @Override
  public void close() {
    if (predictor != null) {
      predictor.close();
    }
    checkpoint.close();
    backend.close();
  }
}
