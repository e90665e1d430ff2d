package llada.diffusion;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.Arrays;
import java.util.Optional;
import llada.diffusion.cache.CachePolicy;
import llada.diffusion.cache.Plan;
import llada.diffusion.cache.Progress;
import llada.diffusion.commit.Candidates;
import llada.diffusion.commit.Choice;
import llada.diffusion.commit.CommitRule;
import llada.model.ActivationCache;
import llada.model.LladaConfig;
import llada.model.Portion;
import llada.model.Predictor;
import llada.tensor.Tensor;

/**
 * LLaDA's reverse process (algorithm 4 and 5), which fills masks in any order within a block:
 * canvas, cache and counters. What is computed the {@link CachePolicy} says; of the {@link
 * Proposals} the {@link CommitRule} keeps some.
 */
final class MaskedDiffusion implements ReverseProcess {
  private final LladaConfig config;
  private final SamplerOptions options;
  private final CachePolicy policy;
  private final CommitRule rule;
  private final Repetition repetition;
  private final RandomSource random;
  private final Guidance guidance;
  private final Proposals proposals;
  private final Divergences divergences;
  private final ActivationCache cache; // null without one
  private final Canvas canvas;
  private final int promptAndMost;
  private final Optional<Daedal> daedal;
  private int roomAt; // where the next step begins with putting masks in
  private int room; // and how many
  private boolean refreshes; // because the cache is of another length
  private final long start = System.nanoTime();
  private boolean findsLength; // before the first step
  private Block block;
  private int step; // in the block
  private Plan plan;
  private int[] rows = {}; // whose logits the step at hand asks for
  private boolean committed; // the step at hand; what comes next is still to be found
  private boolean done;
  private int globalStep;
  private int forwardPasses;
  private double positions;

  MaskedDiffusion(
      Predictor predictor,
      LladaConfig config,
      SamplerOptions options,
      RandomSource random,
      Canvas canvas,
      int mostTokens) {
    this.config = config;
    this.options = options;
    this.policy = options.decoder().cache();
    this.rule = options.decoder().commit();
    this.repetition = options.decoder().repetition();
    this.daedal = options.decoder().length();
    this.random = random;
    this.canvas = canvas;
    this.promptAndMost = mostTokens;
    this.guidance = new Guidance(predictor, options.cfgScale());
    this.proposals = new Proposals(options, config, random, predictor.kernels(), guidance);
    this.divergences = new Divergences(rule.history(), config.embeddingSize());
    this.cache =
        policy.keeps() == CachePolicy.Keeps.NOTHING
            ? null
            : new ActivationCache(
                predictor.config(),
                options.decoder().cacheType(),
                guidance.passes() * canvas.batch() * mostTokens,
                policy.keeps() == CachePolicy.Keeps.OUTPUTS);
    this.findsLength = daedal.isPresent();
    this.block = block(0);
    settle();
  }

  /** A block of the answer and the plan for it; it ends where {@link #end} says. */
  record Block(int index, int start, int steps, int[][] counts) {
    /** How many tokens a sequence should commit in a step; one if it takes longer than planned. */
    int quota(int sequence, int step) {
      return step < steps ? counts[sequence][step] : 1;
    }
  }

  private Block block(int index) {
    int stepsPerBlock = options.steps() / (options.genLength() / options.blockLength());
    int start = canvas.promptLength + index * options.blockLength();
    int end = end(start);
    int[][] counts = new int[canvas.batch()][];
    for (int b = 0; b < counts.length; b++) {
      counts[b] = TransferSchedule.counts(canvas.masked(b, start, end), stepsPerBlock);
    }
    return new Block(index, start, stepsPerBlock, counts);
  }

  /** Behind the block that starts there: the last one grows when masks are put in. */
  private int end(int start) {
    return Math.min(canvas.length(), start + options.blockLength());
  }

  @Override
  public boolean done() {
    if (committed) {
      committed = false;
      done = finished();
      step++;
      settle();
    }
    return done;
  }

  /** Goes to the next block that takes a step, if this one does not. */
  private void settle() {
    while (!done && !findsLength && !goesOn()) {
      if (end(block.start()) >= canvas.length()) {
        done = true;
      } else {
        block = block(block.index() + 1);
        step = 0;
      }
    }
  }

  /** Whether the block takes another step. */
  private boolean goesOn() {
    boolean planned = !rule.adaptive() && step < block.steps();
    boolean open =
        options.mode() == SamplerMode.INTENDED && canvas.open(block.start(), end(block.start()));
    return planned || open;
  }

  @Override
  public Optional<Portion> plan() {
    if (done()) {
      throw new IllegalStateException("the generation is finished: there is no step to plan");
    }
    if (findsLength) {
      plan = Plan.ALL;
      rows = Progress.positions(tail(), canvas.length(), _ -> true);
    } else {
      planStep();
    }
    return rows.length == 0
        ? Optional.empty()
        : Optional.of(guidance.portion(canvas, plan, cache, rows));
  }

  private void planStep() {
    if (room > 0) {
      insert(roomAt, room);
      room = 0;
    }
    Progress progress =
        new Progress(
            canvas.x,
            canvas.mask,
            canvas.promptLength,
            block.start(),
            end(block.start()),
            step,
            globalStep,
            canvas.changed);
    plan = refreshes ? Plan.ALL : policy.plan(progress);
    refreshes = false;
    rows = rows(block.start(), plan);
  }

  @Override
  public Optional<StepListener.Step> commit(Tensor logits) {
    if (rows.length > 0) {
      propose(logits);
    }
    if (findsLength) {
      findLength();
      return Optional.empty();
    }
    if (rows.length > 0) {
      divergences.update(
          (row, out) -> guidance.read(logits, row, rows.length, out),
          rows,
          row -> canvas.masked(row / canvas.length(), block.start(), end(block.start())) > 0);
    }
    StepListener.Step seen = commitStep();
    committed = true;
    return Optional.of(seen);
  }

  private StepListener.Step commitStep() {
    int blockEnd = end(block.start());
    int[][] x0 = new int[canvas.batch()][];
    double[][] shown = new double[canvas.batch()][canvas.length()];
    for (int b = 0; b < x0.length; b++) {
      x0[b] = canvas.x[b].clone();
      Arrays.fill(shown[b], Double.NEGATIVE_INFINITY);
    }
    double ends = daedal.isPresent() ? ends(rows) : 0;
    int tailMasks = canvas.masked(0, tail(), canvas.length());
    int[][] revealed = new int[canvas.batch()][];
    int from = 0;
    for (int b = 0; b < canvas.batch(); b++) {
      int to = from;
      while (to < rows.length && rows[to] / canvas.length() == b) {
        int position = rows[to] % canvas.length();
        x0[b][position] = proposals.token(to);
        shown[b][position] = position < blockEnd ? proposals.score(to) : Double.NEGATIVE_INFINITY;
        to++;
      }
      revealed[b] = commit(b, from, to);
      from = to;
    }
    daedal.ifPresent(d -> makeRoom(d, blockEnd, rows, ends, tailMasks));
    globalStep++;
    return new StepListener.Step(
        block.index(), step, options.steps(), canvas.x, revealed, shown, x0);
  }

  /** The masks that a step asks about, of those that it computes. */
  private int[] rows(int blockStart, Plan plan) {
    boolean published = options.mode() == SamplerMode.PUBLISHED;
    int from = published ? 0 : blockStart;
    int to = published || rule.readsAnswer() ? canvas.length() : end(blockStart);
    if (rule.history() > 0) { // the history of the next block begins with the end of this one
      to = end(to);
    }
    int tail = tail(); // positions from there on are asked about, too
    IntArrayList rows = new IntArrayList();
    for (int b = 0; b < canvas.batch(); b++) {
      for (int i = from; i < canvas.length(); i++) {
        boolean asked = i < to || i >= tail;
        boolean computed =
            plan.computed() == null || Arrays.binarySearch(plan.computed()[b], i) >= 0;
        if (canvas.x[b][i] == canvas.mask && asked && computed) {
          rows.add(b * canvas.length() + i);
        }
      }
    }
    return rows.toIntArray();
  }

  /** First of the positions that DAEDAL looks at. */
  private int tail() {
    return daedal
        .map(d -> Math.max(canvas.promptLength, canvas.length() - d.window()))
        .orElse(canvas.length());
  }

  /** DAEDAL's first stage: room for the answer, as long as the model does not see its end. */
  private void findLength() {
    Daedal d = daedal.orElseThrow();
    int left = promptAndMost - canvas.length();
    if (ends(rows) >= d.complete() || left <= 0) {
      findsLength = false;
      block = block(0);
      settle();
    } else {
      insert(canvas.length(), Math.min(d.step(), left));
    }
  }

  /** The mean confidence in EOS at the end of the canvas, from the proposals of these rows. */
  private double ends(int[] rows) {
    Daedal d = daedal.orElseThrow();
    double sum = 0;
    for (int r = 0; r < rows.length; r++) {
      if (rows[r] >= tail() && config.ends(proposals.token(r))) {
        sum += proposals.confidence(r);
      }
    }
    for (int i = tail(); i < canvas.length(); i++) {
      sum += config.ends(canvas.x[0][i]) ? 1 : 0;
    }
    return sum / d.window();
  }

  /** DAEDAL's second stage: room where the model lacks it. */
  private void makeRoom(Daedal d, int blockEnd, int[] rows, double ends, int tailMasks) {
    boolean seen = Arrays.stream(rows).filter(r -> r >= tail()).count() == tailMasks;
    int least = -1;
    for (int r = 0; r < rows.length && rows[r] < blockEnd; r++) {
      boolean open = canvas.x[0][rows[r]] == canvas.mask;
      if (open && (least < 0 || proposals.confidence(r) < proposals.confidence(least))) {
        least = r;
      }
    }
    int count = Math.min(d.step() - 1, promptAndMost - canvas.length());
    if (seen
        && ends < d.end()
        && least >= 0
        && count > 0
        && proposals.confidence(least) < d.low()) {
      roomAt = rows[least];
      room = count;
    }
  }

  private void insert(int position, int count) {
    canvas.insert(position, count);
    divergences.clear();
    refreshes = true;
  }

  private void propose(Tensor logits) {
    forwardPasses += guidance.passes();
    positions += guidance.positions();
    if (repetition.active()) {
      repetition.apply(logits, rows, canvas, config);
    }
    proposals.propose(logits, rows, canvas.length(), globalStep);
  }

  /**
   * Commits and takes back in one sequence.
   *
   * @param from its first of {@code rows}
   * @param to behind its last
   * @return the positions committed, best first
   */
  private int[] commit(int b, int from, int to) {
    int end = from;
    while (end < to
        && rows[end] % canvas.length() < end(block.start())) { // behind are later blocks
      end++;
    }
    if (rule.readsAnswer()
        && to > from
        && to - from == canvas.masked(b, canvas.promptLength, canvas.length())
        && rule.finishes(candidates(b, from, to))) {
      int[] all = new int[to - from];
      Arrays.setAll(all, i -> i);
      return write(b, from, all);
    }
    Choice choice = new Choice();
    rule.choose(candidates(b, from, end), choice);
    for (int position : choice.takenBack()) {
      canvas.takeBack(b, position, globalStep);
    }
    return write(b, from, choice.committed());
  }

  private int[] write(int b, int from, int[] chosen) {
    IntArrayList revealed = new IntArrayList(chosen.length);
    for (int i : chosen) {
      int r = from + i;
      int position = rows[r] % canvas.length();
      int token = proposals.token(r);
      // The logits know what stood there before this step, not what it has committed until here.
      if (revealed.isEmpty()
          || config.ends(token)
          || !repetition.repeats(canvas.x[b], position, token, canvas.promptLength, canvas.mask)) {
        canvas.commit(b, position, token, proposals.confidence(r), globalStep);
        revealed.add(position);
      }
    }
    return revealed.toIntArray();
  }

  private Candidates candidates(int b, int from, int to) {
    int n = to - from;
    int[] position = new int[n];
    double[] score = new double[n];
    double[] confidence = new double[n];
    double[] entropy = new double[n];
    double[] gap = new double[n];
    double[][] divergence = new double[n][];
    for (int i = 0; i < n; i++) {
      position[i] = rows[from + i] % canvas.length();
      score[i] = proposals.score(from + i);
      confidence[i] = proposals.confidence(from + i);
      entropy[i] = proposals.entropy(from + i);
      gap[i] = proposals.gap(from + i);
      divergence[i] = divergences.of(rows[from + i]);
    }
    Candidates.Schedule schedule =
        new Candidates.Schedule(block.quota(b, step), step, block.steps(), canvas.filled(b));
    return new Candidates(
        position, score, confidence, entropy, gap, divergence, schedule, settled(b));
  }

  private Candidates.Settled settled(int b) {
    int[] filled =
        Progress.positions(
            block.start(),
            end(block.start()),
            i -> canvas.x[b][i] != canvas.mask && !canvas.given[b][i]);
    double[] confidence = new double[filled.length];
    Arrays.setAll(confidence, i -> canvas.confidence[b][filled[i]]);
    return new Candidates.Settled(
        filled, confidence, position -> random.remasking(globalStep, b, position));
  }

  /** Whether every answer is complete, up to its end where the options say so. */
  private boolean finished() {
    boolean cut = options.stopAtEos() && canvas.cutAtEnds(config, globalStep);
    boolean full = rule.readsAnswer() && !canvas.open(canvas.promptLength, canvas.length());
    return cut || full;
  }

  @Override
  public int room() {
    return guidance.passes() * canvas.batch() * promptAndMost;
  }

  @Override
  public Generation generation() {
    return new Generation(
        canvas.x,
        canvas.promptLength,
        globalStep,
        forwardPasses,
        Math.round(positions),
        System.nanoTime() - start,
        canvas.confidence,
        canvas.changed);
  }

  @Override
  public void close() {
    if (cache != null) {
      cache.close();
    }
  }
}
