package llada.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;
import llada.format.FormatException;
import llada.plot.Chart;
import llada.plot.Series;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tokenizer.ChatTemplate.Message;
import llada.train.demo.Examination.Item;

/**
 * Answers the same prompts by several decoders, and compares quality with cost. The first decoder
 * is what the others are compared with.
 */
public final class DecoderComparison {
  private final Llada llada;
  private final Settings settings;
  private final List<Asked> asked;

  /**
   * What is to be measured.
   *
   * @param decoders at least one
   * @param genLength tokens of an answer
   * @param blockLength tokens of a block, where a decoder does not say otherwise
   */
  public record Settings(List<DecodeSetting> decoders, int genLength, int blockLength) {
    /**
     * Checks that the lengths suit every decoder, before anything is measured.
     *
     * @throws IllegalArgumentException if they do not
     */
    public Settings {
      decoders = List.copyOf(decoders);
      decoders.forEach(decoder -> decoder.options(genLength, blockLength));
    }
  }

  /** Hears of each decoder as soon as it is measured. */
  @FunctionalInterface
  public interface Listener {
    /**
     * All prompts were answered by a decoder.
     *
     * @param result what it gave and cost
     * @param first the result of the first decoder
     */
    void measured(DecodeResult result, DecodeResult first);
  }

  /** A prompt, and how its answer is judged; empty where it is not. */
  private record Asked(int[] prompt, Optional<Item> item) {}

  private DecoderComparison(Llada llada, Settings settings, List<Asked> asked) {
    this.llada = llada;
    this.settings = settings;
    this.asked = asked;
  }

  /**
   * On questions, framed as turns of a chat if the model has a template.
   *
   * @param items each with one question of the user's
   */
  public static DecoderComparison onQuestions(Llada llada, Settings settings, List<Item> items) {
    List<Asked> asked = new ArrayList<>();
    for (Item item : items) {
      List<Message> turns = new ArrayList<>(item.given());
      turns.add(new Message("user", item.asked().getLast()));
      int[] prompt;
      try {
        prompt = llada.checkpoint().chatTemplate().encode(llada.tokenizer(), turns);
      } catch (FormatException _) { // a model that only continues text
        prompt = llada.tokenizer().encodeText(item.asked().getLast());
      }
      asked.add(new Asked(prompt, Optional.of(item)));
    }
    return new DecoderComparison(llada, settings, asked);
  }

  /** On one prompt of so many random tokens, whose answer cannot be right or wrong. */
  public static DecoderComparison onRandomPrompt(Llada llada, Settings settings, int tokens) {
    Asked asked = new Asked(randomPrompt(llada, tokens), Optional.empty());
    return new DecoderComparison(llada, settings, List.of(asked));
  }

  /** So many random tokens, the same in each run; none is the mask. */
  public static int[] randomPrompt(Llada llada, int tokens) {
    SplittableRandom random = RandomStreams.of(0, Purpose.BENCHMARK);
    return random
        .ints(tokens, 0, llada.config().vocabSize())
        .map(id -> id == llada.config().maskTokenId() ? 0 : id)
        .toArray();
  }

  /** The number of prompts. */
  public int prompts() {
    return asked.size();
  }

  /** Measures one decoder after the other. */
  public List<DecodeResult> run(Listener listener) {
    List<DecodeResult> results = new ArrayList<>();
    int[][] exact = new int[asked.size()][];
    for (DecodeSetting decoder : settings.decoders()) {
      results.add(measure(decoder, exact));
      listener.measured(results.getLast(), results.getFirst());
    }
    return results;
  }

  /**
   * Answers all prompts.
   *
   * @param exact answers to compare with; filled by the first decoder
   */
  private DecodeResult measure(DecodeSetting decoder, int[][] exact) {
    if (asked.size() > 1) { // code is compiled when it has run
      answer(decoder, asked.getFirst());
    }
    int right = 0;
    int sameTexts = 0;
    long sameTokens = 0;
    long exactTokens = 0;
    long steps = 0;
    long passes = 0;
    long positions = 0;
    long tokens = 0;
    long useful = 0;
    long nanos = 0;
    for (int i = 0; i < exact.length; i++) {
      Answer answer = answer(decoder, asked.get(i));
      Answer.Figures made = answer.figures();
      if (exact[i] == null) {
        exact[i] = answer.tokens();
      }
      int usefulExact = useful(exact[i]);
      int end = Math.min(exact[i].length, usefulExact + 1); // the end token included
      int[] mine = Arrays.copyOf(answer.tokens(), settings.genLength());
      for (int t = 0; t < end; t++) {
        sameTokens += mine[t] == exact[i][t] ? 1 : 0;
      }
      exactTokens += end;
      sameTexts += Arrays.equals(mine, 0, answer.useful(), exact[i], 0, usefulExact) ? 1 : 0;
      right += asked.get(i).item().filter(item -> item.right(answer.text())).isPresent() ? 1 : 0;
      steps += made.steps();
      passes += made.forwardPasses();
      positions += made.positions();
      tokens += answer.tokens().length;
      useful += answer.useful();
      nanos += made.nanos();
    }
    return new DecodeResult(
        decoder.name(),
        exact.length,
        right,
        sameTexts,
        sameTokens,
        exactTokens,
        steps,
        passes,
        positions,
        tokens,
        useful,
        nanos);
  }

  private Answer answer(DecodeSetting decoder, Asked one) {
    return llada.generate(
        Request.of(one.prompt())
            .options(decoder.options(settings.genLength(), settings.blockLength())));
  }

  private int useful(int[] ids) {
    int useful = 0;
    while (useful < ids.length && !llada.config().ends(ids[useful])) {
      useful++;
    }
    return useful;
  }

  /**
   * Quality against cost: positions computed per answer, to a logarithmic scale.
   *
   * @param judged whether quality is right answers; else it is equal tokens
   */
  public static Chart chart(List<DecodeResult> results, boolean judged) {
    List<Series> series = new ArrayList<>();
    for (DecodeResult result : results) {
      double x = (double) result.positions() / result.questions();
      double y = judged ? result.accuracy() : result.agreement();
      series.add(new Series(result.setting(), List.of(new Series.Point(x, y)), Series.Style.NAMED));
    }
    return Chart.lines(
            "",
            "positions computed per answer",
            judged ? "right answers, %" : "tokens of the exact sampler, %",
            true,
            series)
        .upTo(105);
  }
}
