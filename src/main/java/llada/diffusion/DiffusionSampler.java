package llada.diffusion;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.Arrays;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;
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
 */
public final class DiffusionSampler {
  private final MaskPredictor predictor;
  private final LladaConfig config;

  /**
   * A sampler over this predictor.
   *
   * @param config the special tokens; usually the predictor's own
   */
  public DiffusionSampler(MaskPredictor predictor, LladaConfig config) {
    this.predictor = predictor;
    this.config = config;
  }

  /**
   * Generates an answer for each prompt.
   *
   * @param prompts (B, P), shorter ones padded on the left
   * @param visible (B, P), false on padding; null when there is none
   * @return prompts and answers
   * @throws IllegalArgumentException if prompt and answer are longer than the model allows
   */
  public Generation generate(
      int[][] prompts,
      boolean[][] visible,
      SamplerOptions options,
      RandomSource random,
      StepListener listener) {
    int promptLength = prompts[0].length;
    int length = promptLength + options.genLength();
    if (length > config.maxSequenceLength()) {
      throw new IllegalArgumentException(
          "the prompt has %d tokens and gen_length is %d; together they exceed max_sequence_length, %d; shorten the prompt or give a gen_length of at most %d"
              .formatted(
                  promptLength,
                  options.genLength(),
                  config.maxSequenceLength(),
                  Math.max(0, config.maxSequenceLength() - promptLength)));
    }
    int[][] x = new int[prompts.length][];
    boolean[][] attended = visible == null ? null : new boolean[prompts.length][];
    for (int b = 0; b < prompts.length; b++) {
      x[b] = Arrays.copyOf(prompts[b], length);
      Arrays.fill(x[b], promptLength, length, config.maskTokenId());
      if (attended != null) {
        attended[b] = Arrays.copyOf(visible[b], length);
        Arrays.fill(attended[b], promptLength, length, true);
      }
    }
    return reveal(x, attended, promptLength, options, random, listener);
  }

  /**
   * Fills the masks of a text, wherever they stand; all of it is context, what follows a gap too.
   * The masks are one block.
   *
   * @param text (T) with at least one mask
   * @param options its steps and gen_length are not used, nor stop_at_eos
   * @param steps forward passes
   * @return the text without masks; its prompt is what comes before the first one
   * @throws IllegalArgumentException if there is no mask, or the text is longer than the model
   *     allows
   */
  public Generation infill(
      int[] text, SamplerOptions options, int steps, RandomSource random, StepListener listener) {
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
    int rest = text.length - first;
    SamplerOptions oneBlock =
        options.toBuilder().lengths(steps, rest, rest).stopAtEos(false).build();
    return reveal(new int[][] {text.clone()}, null, first, oneBlock, random, listener);
  }

  /**
   * The reverse process proper.
   *
   * @param x (B, T) overwritten
   * @param attended (B, T), or null
   * @param promptLength where the first block begins
   */
  private Generation reveal(
      int[][] x,
      boolean[][] attended,
      int promptLength,
      SamplerOptions options,
      RandomSource random,
      StepListener listener) {
    long start = System.nanoTime();
    int length = x[0].length;
    boolean[][] given = new boolean[x.length][length];
    for (int b = 0; b < x.length; b++) {
      for (int i = 0; i < length; i++) {
        given[b][i] = x[b][i] != config.maskTokenId();
      }
    }
    Guidance guidance = new Guidance(predictor, options.cfgScale());
    Proposals proposals = new Proposals(options, config, random, predictor.kernels(), guidance);
    int blocks = options.genLength() / options.blockLength();
    int stepsPerBlock = options.steps() / blocks;
    int steps = 0;
    for (int block = 0; block < blocks; block++) {
      int blockStart = promptLength + block * options.blockLength();
      int blockEnd = blockStart + options.blockLength();
      int[][] counts = new int[x.length][];
      for (int b = 0; b < x.length; b++) {
        counts[b] = TransferSchedule.counts(masked(x[b], blockStart, blockEnd), stepsPerBlock);
      }
      for (int step = 0; step < stepsPerBlock; step++) {
        Candidates candidates = candidates(x, blockStart, blockEnd, options.mode());
        int globalStep = block * stepsPerBlock + step;
        Tensor logits = guidance.forward(x, attended, given, config.maskTokenId(), candidates.rows);
        proposals.propose(logits, candidates.rows, length, globalStep);
        for (int r = 0; r < candidates.rows.length; r++) {
          int b = candidates.rows[r] / length;
          int position = candidates.rows[r] % length;
          candidates.x0[b][position] = proposals.token(r);
          if (position < blockEnd) {
            candidates.confidence[b][position] = proposals.score(r);
          }
        }
        int[][] revealed = new int[x.length][];
        for (int b = 0; b < x.length; b++) {
          revealed[b] =
              best(candidates.confidence[b], candidates.open[b], blockEnd, counts[b][step]);
          for (int position : revealed[b]) {
            x[b][position] = candidates.x0[b][position];
          }
        }
        steps++;
        listener.step(
            new StepListener.Step(
                block, step, options.steps(), x, revealed, candidates.confidence, candidates.x0));
        if (options.stopAtEos() && cutAtEos(x, promptLength)) {
          return generation(x, promptLength, steps, guidance, start);
        }
      }
    }
    return generation(x, promptLength, steps, guidance, start);
  }

  private static Generation generation(
      int[][] x, int promptLength, int steps, Guidance guidance, long start) {
    return new Generation(
        x, promptLength, steps, steps * guidance.passes(), System.nanoTime() - start);
  }

  /**
   * The positions that a step asks about.
   *
   * @param open (B, T) whether a position is a candidate
   * @param rows the candidates as rows of the flattened batch
   */
  private record Candidates(boolean[][] open, int[] rows, int[][] x0, double[][] confidence) {}

  private Candidates candidates(int[][] x, int blockStart, int blockEnd, SamplerMode mode) {
    int length = x[0].length;
    boolean published = mode == SamplerMode.PUBLISHED;
    int from = published ? 0 : blockStart;
    int to = published ? length : blockEnd;
    boolean[][] open = new boolean[x.length][length];
    int[][] x0 = new int[x.length][];
    double[][] confidence = new double[x.length][length];
    IntArrayList rows = new IntArrayList();
    for (int b = 0; b < x.length; b++) {
      x0[b] = x[b].clone();
      Arrays.fill(confidence[b], Double.NEGATIVE_INFINITY);
      for (int i = from; i < to; i++) {
        if (x[b][i] == config.maskTokenId()) {
          open[b][i] = true;
          rows.add(b * length + i);
        }
      }
    }
    return new Candidates(open, rows.toIntArray(), x0, confidence);
  }

  private int masked(int[] x, int from, int to) {
    int count = 0;
    for (int i = from; i < to; i++) {
      count += x[i] == config.maskTokenId() ? 1 : 0;
    }
    return count;
  }

  /** The {@code count} open positions with the highest score, best first; ties go to the left. */
  private static int[] best(double[] confidence, boolean[] open, int end, int count) {
    int[] best = new int[count];
    int size = 0;
    for (int i = 0; i < end; i++) {
      if (!open[i]) {
        continue;
      }
      int at = size;
      while (at > 0 && confidence[best[at - 1]] < confidence[i]) {
        at--;
      }
      if (at < count) {
        int last = Math.min(size, count - 1);
        System.arraycopy(best, at, best, at + 1, last - at);
        best[at] = i;
        size = Math.min(size + 1, count);
      }
    }
    return Arrays.copyOf(best, size);
  }

  /**
   * If every sequence has an EOS with nothing masked before it, fills all behind with EOS.
   *
   * @return whether that was so, and nothing is left to do
   */
  private boolean cutAtEos(int[][] x, int from) {
    int[] ends = new int[x.length];
    for (int b = 0; b < x.length; b++) {
      int i = from;
      while (i < x[b].length && x[b][i] != config.eosTokenId() && x[b][i] != config.maskTokenId()) {
        i++;
      }
      if (i == x[b].length || x[b][i] != config.eosTokenId()) {
        return false;
      }
      ends[b] = i;
    }
    for (int b = 0; b < x.length; b++) {
      Arrays.fill(x[b], ends[b], x[b].length, config.eosTokenId());
    }
    return true;
  }
}
