package llada.diffusion;

import java.util.Arrays;
import llada.model.LladaConfig;
import llada.model.Predictor;
import llada.model.TokenBatch;

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
 * choose how many proposals are revealed.
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
    long start = System.nanoTime();
    TokenBatch.requireRectangular(prompts, visible);
    checkLength(prompts[0].length, options.genLength());
    if (options.decoder().length().isEmpty()) {
      Canvas canvas =
          Canvas.withAnswers(prompts, visible, options.genLength(), config.maskTokenId());
      return reveal(canvas, options, random, listener, start);
    }
    Generation[] answers = new Generation[prompts.length];
    for (int b = 0; b < prompts.length; b++) { // each of its own length
      int[] prompt = visible == null ? prompts[b] : unpadded(prompts[b], visible[b]);
      int initial = Math.min(options.decoder().length().get().initial(), options.genLength());
      Canvas canvas = Canvas.withAnswers(new int[][] {prompt}, null, initial, config.maskTokenId());
      answers[b] = reveal(canvas, options, random, listener, start);
    }
    return joined(prompts, answers, System.nanoTime() - start);
  }

  private Generation reveal(
      Canvas canvas,
      SamplerOptions options,
      RandomSource random,
      StepListener listener,
      long start) {
    int blocks = options.genLength() / options.blockLength();
    int stepsPerBlock = options.steps() / blocks;
    int most = canvas.promptLength + options.genLength();
    try (Decoding decoding = new Decoding(predictor, config, options, random, canvas, most)) {
      if (options.decoder().length().isPresent()) {
        decoding.findLength();
      }
      for (int index = 0;
          canvas.promptLength + index * options.blockLength() < canvas.length();
          index++) {
        Decoding.Block block = decoding.block(index, stepsPerBlock);
        for (int step = 0; decoding.goesOn(block, step); step++) {
          listener.step(decoding.step(block, step));
          if (decoding.finished()) {
            return decoding.generation(start);
          }
        }
      }
      return decoding.generation(start);
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
    for (int b = 0; b < x.length; b++) {
      int[] answer = answers[b].answer(0);
      int length = prompts[b].length;
      x[b] = Arrays.copyOf(prompts[b], length + longest);
      System.arraycopy(answer, 0, x[b], length, answer.length);
      Arrays.fill(x[b], length + answer.length, length + longest, config.eosTokenId());
    }
    return new Generation(x, prompts[0].length, steps, passes, positions, nanos);
  }

  private void checkLength(int promptLength, int genLength) {
    if (promptLength + genLength > config.maxSequenceLength()) {
      throw new IllegalArgumentException(
          "the prompt has %d tokens and gen_length is %d; together they exceed max_sequence_length, %d; shorten the prompt or give a gen_length of at most %d"
              .formatted(
                  promptLength,
                  genLength,
                  config.maxSequenceLength(),
                  Math.max(0, config.maxSequenceLength() - promptLength)));
    }
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
    long start = System.nanoTime();
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
    return reveal(canvas, oneBlock, random, listener, start);
  }
}
