package llada.api;

import java.util.Arrays;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import llada.diffusion.Decoder;
import llada.diffusion.Generation;
import llada.diffusion.ReverseProcess;
import llada.diffusion.StepListener;
import llada.diffusion.cache.Progress;
import llada.tokenizer.Tokenizer;

/** One request on its way to its answer: what the reverse process does not know of, the text. */
final class Answering implements AutoCloseable {
  private final Request request;
  private final Asked asked;
  private final int index;
  private final ReverseProcess process;
  private final AnswerText text;
  private final Engine engine;
  private Optional<Answer.End> end = Optional.empty();
  private Optional<RuntimeException> failure = Optional.empty();
  private Optional<Consumer<Draft>> watcher = Optional.empty();
  private String stopText = "";
  private int steps;

  Answering(Engine engine, Tokenizer tokenizer, Asked asked, int index) {
    this.engine = engine;
    this.asked = asked;
    this.index = index;
    this.request = asked.request();
    this.text = new AnswerText(engine.config(), tokenizer);
    this.process =
        asked.gaps()
            ? engine.startInfill(asked.prompt(), asked.options(), request.seed())
            : engine.start(asked.prompt(), asked.options(), request.seed(), asked.kept());
  }

  /** Shows each step to this, too. What it throws ends the answer. */
  void watchedBy(Consumer<Draft> draftWatcher) {
    watcher = Optional.of(draftWatcher);
  }

  /** Takes no further step. */
  void end(Answer.End why) {
    end = end.or(() -> Optional.of(why));
  }

  /** Cannot go on. */
  void fail(RuntimeException why) {
    failure = failure.or(() -> Optional.of(why));
    end(Answer.End.STOPPED);
  }

  Asked asked() {
    return asked;
  }

  /** Which of the requests it is. */
  int index() {
    return index;
  }

  ReverseProcess process() {
    return process;
  }

  /** Whether there is nothing more to do. */
  boolean done() {
    if (end.isPresent() || process.done()) {
      return true;
    }
    if (Thread.currentThread().isInterrupted()) {
      end = Optional.of(Answer.End.INTERRUPTED);
    }
    return end.isPresent();
  }

  /** Looks at a step, and lets the listener do so. */
  void saw(StepListener.Step step) {
    steps++;
    if (!request.stops().isEmpty() && stops(settled(process.generation()))) {
      end = Optional.of(Answer.End.STOP_TEXT);
    }
    if (request.listener().isPresent()) {
      int most = asked.options().decoder().isExact() ? step.totalSteps() : 0;
      Step shown = new Step(steps, most, text.pieces(process.generation(), step.revealed()[0]));
      if (stopped(request.listener().get(), shown) && end.isEmpty()) {
        end = Optional.of(Answer.End.STOPPED);
      }
    }
    if (watcher.isPresent() && end.isEmpty()) {
      try {
        watcher.get().accept(draft(step));
      } catch (RuntimeException e) {
        fail(e);
      }
    }
  }

  private Draft draft(StepListener.Step step) {
    Generation generation = process.generation();
    int[] ids = tokens(generation);
    Decoder decoder = asked.options().decoder();
    int from = asked.gaps() ? 0 : step.block() * asked.options().blockLength();
    int to = asked.gaps() ? ids.length : from + asked.options().blockLength();
    boolean takesBack = decoder.commit().takesBack();
    switch (engine.config().architecture().decoding()) {
      case ANY_ORDER -> {}
      case BLOCK_BY_BLOCK -> { // whose blocks are counted from the first token of the prompt
        int prompt = generation.promptLength();
        int block = decoder.blocks().blockLength().orElse(engine.config().attention().block());
        from = (prompt / block + step.block()) * block - prompt;
        to = from + block;
        takesBack = decoder.blocks().editing().isPresent();
      }
      case LEFT_TO_RIGHT -> {
        from = ids.length - 1;
        to = ids.length;
        takesBack = false;
      }
    }
    from = Math.max(0, from);
    int settled = settled(generation);
    int most = decoder.isExact() ? step.totalSteps() : 0;
    return new Draft(
        generation.steps(),
        most,
        from,
        Math.min(to, ids.length),
        ids,
        confidence(generation),
        committedAt(generation),
        takesBack ? Math.min(settled, from) : settled);
  }

  /** Whether the listener wants no more. What it throws is kept: others share the pass. */
  private boolean stopped(Function<Step, Next> listener, Step step) {
    try {
      return listener.apply(step) == Next.STOP;
    } catch (RuntimeException e) {
      failure = Optional.of(e);
      return true;
    }
  }

  /** What the listener threw. */
  Optional<RuntimeException> failure() {
    return failure;
  }

  /** Whether one of the stop texts stands in what was said up to the first mask. */
  private boolean stops(int useful) {
    String said = text.plain(Arrays.copyOf(tokens(process.generation()), useful));
    int at = -1;
    for (String stop : request.stops()) {
      int found = said.indexOf(stop);
      at = found >= 0 && (at < 0 || found < at) ? found : at;
    }
    stopText = at < 0 ? "" : said.substring(0, at);
    return at >= 0;
  }

  /** The least number of tokens that say all before the stop text. */
  private int beforeStop(int[] ids, int most) {
    int n = 0;
    while (n < most && !text.plain(Arrays.copyOf(ids, n)).startsWith(stopText)) {
      n++;
    }
    return n;
  }

  /** Where the answer begins: a text with gaps is all of it the answer. */
  private int from(Generation generation) {
    return asked.gaps() ? 0 : generation.promptLength();
  }

  private int[] tokens(Generation generation) {
    int[] row = generation.x()[0];
    return Arrays.copyOfRange(row, from(generation), row.length);
  }

  private double[] confidence(Generation generation) {
    double[] row = generation.confidence()[0];
    return Arrays.copyOfRange(row, from(generation), row.length);
  }

  private int[] committedAt(Generation generation) {
    int[] row = generation.committedAt()[0];
    int[] steps = Arrays.copyOfRange(row, from(generation), row.length);
    for (int i = 0; i < steps.length; i++) {
      steps[i] = steps[i] == Progress.NEVER ? -1 : steps[i];
    }
    return steps;
  }

  /** Tokens before the first end or mask; an end within a text with gaps is none. */
  private int settled(Generation generation) {
    int[] ids = tokens(generation);
    int n = 0;
    while (n < ids.length
        && !engine.config().isMask(ids[n])
        && (asked.gaps() || !engine.config().ends(ids[n]))) {
      n++;
    }
    return n;
  }

  /** What has come of it. */
  Answer answer() {
    Generation generation = process.generation();
    int[] ids = tokens(generation);
    int settled = settled(generation);
    int[] committedAt = committedAt(generation);
    boolean ended =
        asked.gaps()
            ? IntStream.range(0, ids.length)
                .anyMatch(i -> committedAt[i] >= 0 && engine.config().ends(ids[i]))
            : settled < ids.length && engine.config().ends(ids[settled]);
    Answer.End why = end.orElse(ended ? Answer.End.END_TOKEN : Answer.End.LENGTH);
    if (end.isEmpty() && !request.stops().isEmpty() && stops(settled)) {
      why = Answer.End.STOP_TEXT; // it came up in the last step
    }
    boolean stopped = why == Answer.End.STOP_TEXT;
    return new Answer(
        stopped ? stopText : text.plain(Arrays.copyOf(ids, settled)),
        ids,
        stopped ? beforeStop(ids, settled) : settled,
        confidence(generation),
        committedAt,
        why,
        new Answer.Figures(
            asked.promptTokens(engine.config()),
            generation.steps(),
            generation.forwardPasses(),
            generation.positions(),
            generation.nanos()));
  }

  @Override
  public void close() {
    process.close();
  }
}
