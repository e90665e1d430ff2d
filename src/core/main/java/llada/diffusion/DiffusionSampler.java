package llada.diffusion;

import java.util.Arrays;
import java.util.Optional;
import llada.diffusion.cache.Progress;
import llada.model.Architecture.Decoding;
import llada.model.LladaConfig;
import llada.model.Predictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;

/**
 * The reverse process of LLaDA: starts from a prompt followed by masks and reveals them, block by
 * block and step by step (the published generate(); LLaDA, algorithm 4 and 5).
 *
 * <pre>
 *   x = prompt, then gen_length masks
 *   for each block, from left to right:
 *     for each step:
 *       x0 = a proposal for every masked position, from one forward pass over all of x
 *       reveal the n positions of the block with the highest score; the others stay masked
 * </pre>
 *
 * <p>So the exact sampler. A {@link Decoder} may have the pass compute only some positions, and
 * choose how many proposals are revealed. Models that write block by block, or from left to right,
 * have processes of their own.
 */
public final class DiffusionSampler {
  private final Predictor predictor;
  private final LladaConfig config;

  /**
   * A sampler over this predictor.
   *
   * @param config the special tokens; usually the predictor's own
   */
  public DiffusionSampler(Predictor predictor, LladaConfig config) {
    this.predictor = predictor;
    this.config = config;
  }

  /**
   * Generates an answer for each prompt.
   *
   * @param prompts (B, P), shorter ones padded on the left
   * @param visible (B, P), false on padding; null when there is none
   * @return prompts and answers
   * @throws IllegalArgumentException if there is no prompt, they differ in length, or prompt and
   *     answer are longer than the model allows
   */
  public Generation generate(
      int[][] prompts,
      boolean[][] visible,
      SamplerOptions options,
      RandomSource random,
      StepListener listener) {
    TokenBatch.requireRectangular(prompts, visible);
    DecodingRules.check(prompts[0].length, options, config);
    if (together(options)) {
      return reveal(start(prompts, visible, options, random), listener);
    }
    long start = System.nanoTime();
    Generation[] answers = new Generation[prompts.length];
    for (int b = 0; b < prompts.length; b++) { // each of its own length
      int[] prompt = visible == null ? prompts[b] : unpadded(prompts[b], visible[b]);
      answers[b] = reveal(start(new int[][] {prompt}, null, options, random), listener);
    }
    return joined(prompts, answers, System.nanoTime() - start);
  }

  /** Whether the sequences of a batch take their steps together; else each is of its own length. */
  public boolean together(SamplerOptions options) {
    return options.decoder().length().isEmpty() && decoding() == Decoding.ANY_ORDER;
  }

  private Decoding decoding() {
    return config.architecture().decoding();
  }

  /**
   * A generation to be driven step by step, as above.
   *
   * @param prompts (B, P); a single one where the answers are not {@link #together}
   */
  public ReverseProcess start(
      int[][] prompts, boolean[][] visible, SamplerOptions options, RandomSource random) {
    if (decoding() != Decoding.ANY_ORDER) {
      if (prompts.length != 1 || visible != null) {
        throw new IllegalArgumentException(
            "%d prompts, perhaps padded; start a generation for each, they share their passes"
                .formatted(prompts.length));
      }
      return start(prompts[0], options, random, Optional.empty());
    }
    TokenBatch.requireRectangular(prompts, visible);
    DecodingRules.check(prompts[0].length, options, config);
    int length =
        options
            .decoder()
            .length()
            .map(daedal -> Math.min(daedal.initial(), options.genLength()))
            .orElse(options.genLength());
    Canvas canvas = Canvas.withAnswers(prompts, visible, length, config.maskTokenId());
    return process(canvas, options, random);
  }

  /**
   * The same for one prompt.
   *
   * @param kept what former generations kept and this one adds to, while it is open; of use where
   *     tokens see nothing behind them, or behind their block
   */
  public ReverseProcess start(
      int[] prompt, SamplerOptions options, RandomSource random, Optional<KeptPrefix> kept) {
    DecodingRules.check(prompt.length, options, config);
    return switch (decoding()) {
      case ANY_ORDER -> start(new int[][] {prompt}, null, options, random);
      case BLOCK_BY_BLOCK ->
          new BlockDiffusion(
              predictor, config, options, random, prompt, BlockDiffusion.Context.of(options), kept);
      case LEFT_TO_RIGHT -> new LeftToRight(predictor, config, options, random, prompt, kept);
    };
  }

  private ReverseProcess process(Canvas canvas, SamplerOptions options, RandomSource random) {
    int most = canvas.promptLength + options.genLength();
    return new MaskedDiffusion(predictor, config, options, random, canvas, most);
  }

  private Generation reveal(ReverseProcess process, StepListener listener) {
    try (process) {
      while (!process.done()) {
        Tensor logits = process.plan().map(predictor::forward).orElse(null);
        process.commit(logits).ifPresent(listener::step);
      }
      return process.generation();
    }
  }

  private static int[] unpadded(int[] prompt, boolean[] visible) {
    int first = 0;
    while (first < prompt.length - 1 && !visible[first]) {
      first++;
    }
    return Arrays.copyOfRange(prompt, first, prompt.length);
  }

  /** Answers of different lengths behind their padded prompts, filled up with EOS. */
  private Generation joined(int[][] prompts, Generation[] answers, long nanos) {
    int longest = 0;
    int steps = 0;
    int passes = 0;
    long positions = 0;
    for (Generation answer : answers) {
      longest = Math.max(longest, answer.answer(0).length);
      steps = Math.max(steps, answer.steps());
      passes = Math.max(passes, answer.forwardPasses());
      positions += answer.positions();
    }
    int[][] x = new int[prompts.length][];
    double[][] confidence = new double[prompts.length][];
    int[][] committedAt = new int[prompts.length][];
    for (int b = 0; b < x.length; b++) {
      int[] answer = answers[b].answer(0);
      int length = prompts[b].length;
      int own = answers[b].promptLength();
      confidence[b] = new double[length + longest];
      committedAt[b] = new int[length + longest];
      Arrays.fill(committedAt[b], Progress.NEVER);
      System.arraycopy(answers[b].confidence()[0], own, confidence[b], length, answer.length);
      System.arraycopy(answers[b].committedAt()[0], own, committedAt[b], length, answer.length);
      x[b] = Arrays.copyOf(prompts[b], length + longest);
      System.arraycopy(answer, 0, x[b], length, answer.length);
      Arrays.fill(x[b], length + answer.length, length + longest, config.eosTokenId());
    }
    return new Generation(
        x, prompts[0].length, steps, passes, positions, nanos, confidence, committedAt);
  }

  /**
   * Fills the masks of a text, wherever they stand; all of it is context, what follows a gap too.
   * The masks are one block.
   *
   * @param text (T) with at least one mask
   * @param options its steps and gen_length are not used, nor stop_at_eos
   * @param steps forward passes
   * @return the text without masks; its prompt is what comes before the first one
   * @throws IllegalArgumentException if there is no mask, the text is longer than the model allows,
   *     or the options are for an answer of variable length
   */
  public Generation infill(
      int[] text, SamplerOptions options, int steps, RandomSource random, StepListener listener) {
    return reveal(startInfill(text, options, steps, random), listener);
  }

  /** The same, to be driven step by step. */
  public ReverseProcess startInfill(
      int[] text, SamplerOptions options, int steps, RandomSource random) {
    DecodingRules.checkFills(config);
    int first = 0;
    while (first < text.length && text[first] != config.maskTokenId()) {
      first++;
    }
    if (first == text.length) {
      throw new IllegalArgumentException("the text has no mask, so there is nothing to fill");
    }
    if (text.length > config.maxSequenceLength()) {
      throw new IllegalArgumentException(
          "the text has %d tokens, which exceeds max_sequence_length, %d; shorten it"
              .formatted(text.length, config.maxSequenceLength()));
    }
    if (options.decoder().length().isPresent()) {
      throw new IllegalArgumentException("gaps are given; their length does not vary");
    }
    int rest = text.length - first;
    SamplerOptions oneBlock =
        options.toBuilder().lengths(steps, rest, rest).stopAtEos(false).build();
    Canvas canvas = Canvas.withGaps(text, first, config.maskTokenId());
    return process(canvas, oneBlock, random);
  }
}
