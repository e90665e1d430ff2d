package llada.diffusion;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.ints.IntArrays;
import java.util.Arrays;
import java.util.Optional;
import llada.diffusion.cache.Progress;
import llada.model.LladaConfig;
import llada.model.Portion;
import llada.model.Predictor;
import llada.model.Sight;
import llada.model.TokenBatch;
import llada.tensor.Tensor;

/**
 * Block diffusion, the published generate() of LLaDA2.0 and, with editing, of LLaDA2.1. Blocks of B
 * tokens are counted from the first token of the prompt; the last one is filled whole and cut.
 *
 * <pre>
 *   for each block from the one where the prompt ends:
 *     until nothing is masked and nothing was edited:
 *       x0, p = proposals for the block, which sees itself and what is before
 *       fill masks with p &gt; threshold, or the best if these are too few
 *       editing: replace tokens where x0 differs and p &gt; editing_threshold
 *     stop if the answer has ended
 * </pre>
 *
 * <p>What is before a block is final, and does not see it: so keys and values of earlier blocks are
 * kept, and a pass computes one block. The first computes the prompt with it. The first of a later
 * block computes the block before once more, unless the last pass there changed nothing and so has
 * seen the final tokens.
 */
final class BlockDiffusion implements ReverseProcess {
  /** How a block sees what is before. */
  enum Context {
    /** Keys and values of earlier blocks are kept. */
    CACHED,
    /** All is computed in every pass. */
    RECOMPUTED,
    /**
     * So, too, and what should hide later blocks only scores earlier ones higher: see {@link
     * Sight}.
     */
    PUBLISHED_BIAS;

    /** What the options say; the published code has no cache, and LLaDA2.1's the bias. */
    static Context of(SamplerOptions options) {
      boolean edits = options.decoder().blocks().editing().isPresent();
      return options.mode() == SamplerMode.INTENDED ? CACHED : edits ? PUBLISHED_BIAS : RECOMPUTED;
    }
  }

  private final LladaConfig config;
  private final SamplerOptions options;
  private final BlockOptions rules;
  private final Optional<BlockOptions.Editing> editing;
  private final int length; // of a block
  private final int steps; // passes that a block takes at most
  private final boolean biased;
  private final Canvas canvas;
  private final int[] x; // its only sequence
  private final int end; // of the answer; the last block may go on behind
  private final PrefixReader prefix;
  private final TokenDraws draws;
  private final long start = System.nanoTime();
  private int block;
  private int step; // of the block
  private int postSteps; // passes over a block without masks
  private boolean unchanged; // the last pass found no mask, and nothing to edit
  private boolean done;
  private int[] rows = {}; // whose logits the step at hand asks for
  private int globalStep;
  private long positions;

  /**
   * A generation.
   *
   * @param prompt (P)
   * @param shared what a former generation kept and this one keeps; empty for nothing
   */
  BlockDiffusion(
      Predictor predictor,
      LladaConfig config,
      SamplerOptions options,
      RandomSource random,
      int[] prompt,
      Context context,
      Optional<KeptPrefix> shared) {
    this.config = config;
    this.options = options;
    this.rules = options.decoder().blocks();
    this.editing = rules.editing();
    this.length = length(options, config);
    this.steps =
        editing
            .map(e -> 4 * length + e.maxPostSteps()) // where the mask is proposed again and again
            .orElse(
                Math.max(1, Math.min(rules.steps(), options.genLength() / rules.minimalTopK())));
    this.biased = context == Context.PUBLISHED_BIAS;
    int whole = wholeBlocks(prompt.length, options, config);
    this.canvas =
        Canvas.withAnswers(new int[][] {prompt}, null, whole - prompt.length, config.maskTokenId());
    this.x = canvas.x[0];
    this.end = prompt.length + options.genLength();
    this.draws = new TokenDraws(predictor, config, options, random);
    this.block = prompt.length / length;
    this.prefix =
        context == Context.CACHED
            ? new PrefixReader(
                predictor, options.decoder().cacheType(), length, prompt, whole, shared)
            : new PrefixReader();
    settle();
  }

  private static int length(SamplerOptions options, LladaConfig config) {
    return options.decoder().blocks().blockLength().orElse(config.attention().block());
  }

  /** Prompt and answer in whole blocks. */
  static int wholeBlocks(int promptLength, SamplerOptions options, LladaConfig config) {
    int length = length(options, config);
    return Math.ceilDiv(promptLength + options.genLength(), length) * length;
  }

  @Override
  public boolean done() {
    return done;
  }

  /** Goes to the next block that takes a pass, if this one does not. */
  private void settle() {
    while (!done && !goesOn()) {
      boolean open = canvas.open(canvas.promptLength, blockEnd());
      boolean said = ended(blockEnd()) < blockEnd();
      boolean stops = editing.isEmpty() || options.stopAtEos() && !open;
      done = said && stops || blockEnd() >= canvas.length();
      if (!done) {
        block++;
        step = 0;
        postSteps = 0;
        unchanged = false;
      }
    }
  }

  private boolean goesOn() {
    boolean open = masks(block * length, blockEnd()) > 0;
    if (step >= steps) {
      return false;
    }
    return editing
        .map(edit -> open || !unchanged && ++postSteps <= edit.maxPostSteps())
        .orElse(open);
  }

  private int blockEnd() {
    return (block + 1) * length;
  }

  /** The prompt never changes; the published code fills masks in it, too. */
  private boolean masked(int position) {
    return config.isMask(x[position])
        && (position >= canvas.promptLength || options.mode() == SamplerMode.PUBLISHED);
  }

  private int masks(int from, int to) {
    return Progress.positions(from, to, this::masked).length;
  }

  /** Where the answer ends before {@code to}, or that. */
  private int ended(int to) {
    int i = canvas.promptLength;
    while (i < to && !ends(x[i])) {
      i++;
    }
    return i;
  }

  /** The published code knows one end. */
  private boolean ends(int token) {
    return options.mode() == SamplerMode.PUBLISHED
        ? token == config.eosTokenId()
        : config.ends(token);
  }

  @Override
  public Optional<Portion> plan() {
    if (done) {
      throw new IllegalStateException("the generation is finished: there is no step to plan");
    }
    int first = editing.isPresent() ? canvas.promptLength : canvas.length(); // to be edited
    rows = Progress.positions(block * length, blockEnd(), i -> masked(i) || i >= first);
    Optional<Sight> sight = Optional.of(new Sight(length, biased));
    TokenBatch batch = new TokenBatch(new int[][] {Arrays.copyOf(x, blockEnd())}, null, sight);
    Portion portion = prefix.portion(batch, block * length, rows);
    positions += portion.computed();
    return Optional.of(portion);
  }

  @Override
  public Optional<StepListener.Step> commit(Tensor logits) {
    draws.propose(logits, rows, canvas.length(), globalStep);
    int[] before = x.clone();
    int[] x0 = x.clone();
    double[] shown = new double[x.length];
    Arrays.fill(shown, Double.NEGATIVE_INFINITY);
    IntArrayList open = new IntArrayList();
    IntArrayList changed = new IntArrayList();
    for (int r = 0; r < rows.length; r++) {
      x0[rows[r]] = draws.token(r);
      shown[rows[r]] = draws.probability(r);
      if (masked(rows[r])) {
        open.add(r);
      }
    }
    fill(open, changed);
    boolean edited = edit(open, changed);
    unchanged = open.isEmpty() && !edited;
    globalStep++;
    step++;
    prefix.saw(Arrays.equals(before, x) ? blockEnd() : block * length);
    StepListener.Step seen =
        new StepListener.Step(
            block - canvas.promptLength / length,
            step - 1,
            0,
            canvas.x,
            new int[][] {changed.toIntArray()},
            new double[][] {shown},
            new int[][] {x0});
    done = editing.isEmpty() && options.stopAtEos() && endedNow(changed);
    settle();
    return Optional.of(seen);
  }

  /** All sure proposals for masks, or the best where these are fewer than are due. */
  private void fill(IntArrayList open, IntArrayList changed) {
    int due =
        editing
            .map(BlockOptions.Editing::numToTransfer)
            .orElse(length / steps + (step < length % steps ? 1 : 0));
    int[] ranked = open.toIntArray();
    IntArrays.mergeSort(
        ranked, (r, s) -> Double.compare(draws.probability(s), draws.probability(r)));
    int count = 0;
    while (count < ranked.length
        && (count < due || draws.probability(ranked[count]) > rules.threshold())) {
      write(ranked[count++], changed);
    }
  }

  /** Replaces tokens of the answer where another is sure. */
  private boolean edit(IntArrayList open, IntArrayList changed) {
    boolean any = false;
    for (int r = 0; editing.isPresent() && r < rows.length; r++) {
      if (!open.contains(r)
          && draws.probability(r) > editing.get().threshold()
          && draws.token(r) != x[rows[r]]) {
        write(r, changed);
        any = true;
      }
    }
    return any;
  }

  private void write(int r, IntArrayList changed) {
    canvas.commit(0, rows[r], draws.token(r), draws.probability(r), globalStep);
    changed.add(rows[r]);
  }

  /** Whether an end was written in this step, with nothing masked before the first. */
  private boolean endedNow(IntArrayList changed) {
    int first = ended(blockEnd());
    return changed.intStream().anyMatch(i -> ends(x[i]))
        && first < blockEnd()
        && masks(canvas.promptLength, first) == 0;
  }

  @Override
  public int room() {
    return canvas.length();
  }

  @Override
  public Generation generation() {
    int to = done ? Math.min(end, ended(end) + 1) : end;
    return new Generation(
        new int[][] {Arrays.copyOf(x, to)},
        canvas.promptLength,
        globalStep,
        globalStep,
        positions,
        System.nanoTime() - start,
        new double[][] {Arrays.copyOf(canvas.confidence[0], to)},
        new int[][] {Arrays.copyOf(canvas.changed[0], to)});
  }

  /** Frees the cache, or leaves it to the next generation. */
  @Override
  public void close() {
    prefix.close(x);
  }
}
