package llada.api;

import static llada.api.Request.given;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import llada.backend.Backend;
import llada.checkpoint.Checkpoint;
import llada.diffusion.DecodingRules;
import llada.diffusion.Infilling;
import llada.diffusion.KeptPrefix;
import llada.diffusion.LikelihoodEstimator;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.LogLikelihood;
import llada.diffusion.MaskDraws;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.format.FormatException;
import llada.model.LladaConfig;
import llada.tokenizer.Tokenizer;

/**
 * A model that is open and answers: the front door of the library.
 *
 * <pre>{@code
 * try (Llada llada = Llada.open(Path.of("LLaDA-8B-Instruct"))) {
 *   System.out.println(llada.chat("What does a cow say?").text());
 * }
 * }</pre>
 *
 * <p>Threads may share it; their requests take turns step by step, and each gets the answer that it
 * would get alone. It may be closed at any time: requests under way then end with an {@link
 * IllegalStateException}. Several models may be open at once.
 */
public final class Llada implements AutoCloseable {
  private final Opened opened;
  private final Tokenizer tokenizer;
  private final Engine engine;
  private final boolean bundled;
  private final Set<KeptPrefix> conversations = ConcurrentHashMap.newKeySet();

  private Llada(Opened opened, boolean bundled) {
    this.opened = opened;
    this.tokenizer = opened.tokenizer();
    this.bundled = bundled;
    this.engine = opened.engine();
  }

  /**
   * Opens a model on the fastest backend.
   *
   * @param path a Hugging Face folder, or a GGUF file
   * @throws FormatException if it cannot be used; the message names file, value, rule and remedy
   */
  public static Llada open(Path path) {
    return open(path, Setup.DEFAULT);
  }

  /**
   * Opens a model.
   *
   * @throws FormatException if it cannot be used
   * @throws llada.backend.BackendException if the backend that was asked for cannot run here
   */
  public static Llada open(Path path, Setup setup) {
    return open(path, given(setup, "the setup")::start);
  }

  /** Opens a model on a backend, which is closed with it. */
  public static Llada open(Path path, Supplier<Backend> start) {
    return open(path, Optional.empty(), start);
  }

  /**
   * The same with an adapter beside the model's weights, if one is given.
   *
   * @param adapter a folder as PEFT writes it
   * @throws FormatException also if the adapter is not of this model
   */
  public static Llada open(Path path, Optional<Path> adapter, Supplier<Backend> start) {
    return new Llada(Opened.open(path, given(adapter, "the adapter"), start), false);
  }

  /**
   * Opens the small model of the artifact {@code llada-demo}.
   *
   * @throws IllegalStateException if that artifact is not on the class path
   */
  public static Llada demo() {
    return demo(Setup.DEFAULT);
  }

  /** The same with a setup. */
  public static Llada demo(Setup setup) {
    Supplier<Backend> start = given(setup, "the setup")::start;
    return new Llada(Opened.open(DemoModel.file(), Optional.empty(), start), true);
  }

  /** Answers a user's message, framed by the model's chat template. */
  public Answer chat(String message) {
    return generate(Request.of(message).chat());
  }

  /** A conversation in the model's chat format. */
  public Chat conversation() {
    return new Chat(this, true, Optional.empty());
  }

  /** A conversation with a message before all turns. */
  public Chat conversation(String system) {
    return new Chat(this, true, Optional.of(given(system, "the system message")));
  }

  /** A text that both write on, for models without a chat template. */
  public Chat rawConversation() {
    return new Chat(this, false, Optional.empty());
  }

  /** Answers a text, or goes on with it: as suits the model. */
  public Answer generate(String text) {
    return generate(Request.of(text));
  }

  /**
   * Answers a request.
   *
   * @throws RequestException if prompt and answer are too long for the model
   * @throws IllegalArgumentException if the request's options do not go together
   * @throws FormatException if the weights turn out to be damaged
   * @throws IllegalStateException if the model is closed
   */
  public Answer generate(Request request) {
    return generate(List.of(given(request, "the request"))).getFirst();
  }

  /**
   * Answers several requests of any lengths and options; their passes over the weights are shared.
   * As many are under way at a time as fit a pass of some thousand positions, the others wait.
   *
   * @return as many answers, each as if it had been asked for alone
   * @throws RequestException before anything is computed, if one of them cannot be answered
   * @throws ListenerException when all are answered, if a listener has failed; it has the answers.
   *     Where there is one request alone, what its listener threw is thrown instead
   */
  public List<Answer> generate(List<Request> requests) {
    List<Asked> asked = new ArrayList<>();
    for (Request request : given(requests, "the list of requests")) {
      String which = requests.size() == 1 ? "" : "request %d: ".formatted(asked.size() + 1);
      given(request, which + "the request");
      asked.add(asked(request, which));
    }
    return new AnswerLoop(opened, asked).run();
  }

  /** A request that fits; its complaints begin with {@code which}. */
  Asked asked(Request request, String which) {
    return Asked.of(request, framing(request), tokenizer, config(), which);
  }

  Opened opened() {
    return opened;
  }

  /** The next turn of a conversation. */
  Answer generate(Request request, KeptPrefix kept) {
    conversations.add(kept);
    return new AnswerLoop(opened, List.of(asked(request, "").with(kept))).run().getFirst();
  }

  /** Frees what a conversation keeps. */
  void forget(KeptPrefix kept) {
    conversations.remove(kept);
    kept.close();
  }

  private Framing framing(Request request) {
    boolean framed = request.framed().orElse(bundled || request.prompt() instanceof Request.Turns);
    return framed
        ? new Framing(Optional.of(checkpoint().chatTemplate()), request.system())
        : Framing.NONE;
  }

  /** The tokens that a request's prompt becomes, with its chat frame. */
  public int[] encode(Request request) {
    return framing(given(request, "the request")).encode(tokenizer, request.prompt());
  }

  /**
   * Fills the gaps of a text: {@code {8}} is one of eight tokens, {@code {}} one whose length is
   * found; {@code {{} and {@code }}} are braces.
   *
   * @return the whole text
   * @throws RequestException if there is no gap, or a brace that is none
   */
  public String infill(String template) {
    InfillTemplate parsed = InfillTemplate.parse(template, false);
    SamplerOptions options = SamplerOptions.defaults().toBuilder().logitsEosInf(true).build();
    Infilling.Filled filled =
        infill(parsed, new InfillOptions(options, null, InfillOptions.SCORING, 16, 0));
    return parsed.filled(filled.fills().stream().map(this::text).toList());
  }

  /**
   * Fills gaps, with all choices.
   *
   * @throws RequestException if the text may become longer than the model takes, or the model does
   *     not see what is behind a gap
   */
  public Infilling.Filled infill(InfillTemplate template, InfillOptions options) {
    return infilling(
        template,
        options,
        (infilling, gaps) -> infilling.fill(gaps, options.longestGap(), StepListener.NONE));
  }

  /**
   * The template with its open lengths found as by {@link #infill}. Each length that is tried takes
   * a turn of its own, between which others take their steps.
   *
   * @param wanted is asked before each of them
   * @throws RequestException if the text may become longer than the model takes
   * @throws CancellationException if it is wanted no longer
   */
  public InfillTemplate settled(
      InfillTemplate template, InfillOptions options, BooleanSupplier wanted) {
    int[] lengths = template.lengths().clone();
    Infilling.settle(
        gaps(template),
        lengths,
        options.longestGap(),
        gap -> {
          if (!wanted.getAsBoolean()) {
            throw new CancellationException("the lengths of gaps are not wanted any more");
          }
          return infilling(
              template, options, (infilling, gaps) -> infilling.score(gaps, lengths, gap));
        });
    return new InfillTemplate(template.pieces(), lengths);
  }

  /**
   * Infilling as a request, which shares its passes with others. Its answer is the whole text.
   *
   * @throws RequestException if the text is longer than the model takes
   */
  public Request infilling(InfillTemplate template, InfillOptions options) {
    required(() -> DecodingRules.checkFills(config()));
    InfillTemplate closed = settled(template, options, () -> true);
    int[] text = gaps(closed).masked(closed.lengths(), config().maskTokenId());
    int mask = config().maskTokenId();
    int first = 0;
    while (text[first] != mask) {
      first++;
    }
    int masks = (int) Arrays.stream(text).filter(id -> id == mask).count();
    int rest = text.length - first;
    SamplerOptions lengths =
        options.sampler().toBuilder()
            .lengths(options.steps() == null ? masks : options.steps(), rest, rest)
            .stopAtEos(false)
            .build();
    return Request.gaps(text).options(lengths).seed(options.seed());
  }

  private Infilling.Gaps gaps(InfillTemplate template) {
    return new Infilling.Gaps(
        template.pieces().stream().map(tokenizer::encode).toList(), template.lengths());
  }

  private <R> R infilling(
      InfillTemplate template,
      InfillOptions options,
      BiFunction<Infilling, Infilling.Gaps, R> use) {
    int room = room(template, options);
    Infilling.Gaps gaps = gaps(template);
    return opened.checked(
        () ->
            engine.with(
                room,
                predictor ->
                    use.apply(
                        new Infilling(
                            predictor,
                            config(),
                            options.sampler(),
                            options.steps(),
                            options.scoring(),
                            options.seed()),
                        gaps)));
  }

  /** Positions of the largest pass that finding lengths and filling takes. */
  int room(InfillTemplate template, InfillOptions options) {
    given(options, "the options");
    required(() -> DecodingRules.checkFills(config()));
    Infilling.Gaps gaps = gaps(given(template, "the template"));
    int longest = Infilling.longest(gaps, options.longestGap());
    int most = config().maxSequenceLength();
    if (longest > most) {
      throw new RequestException(
          "the text may have %d tokens when its gaps are filled; the model takes at most %d (max_sequence_length): shorten it or its gaps, or the longest gap"
              .formatted(longest, most));
    }
    return Math.max(
        longest * (options.sampler().cfgScale() > 0 ? 2 : 1),
        LikelihoodEstimator.room(options.scoring(), config(), longest, longest));
  }

  /**
   * How likely a text is: a bound by LLaDA's eq. 6, from 128 masked copies; exact by the chain rule
   * for a model that writes from left to right.
   *
   * @throws RequestException if the model writes block by block: no bound is published for it
   */
  public LogLikelihood score(String text) {
    return score("", text);
  }

  /** How likely an answer is, given a prompt. */
  public LogLikelihood score(String prompt, String answer) {
    int[] before = given(prompt, "the prompt").isEmpty() ? new int[0] : tokenize(prompt);
    return likelihood(before, tokenize(answer), LikelihoodOptions.DEFAULT, 0);
  }

  /**
   * Estimates the likelihood of an answer.
   *
   * @throws RequestException if prompt and answer do not fit the model's longest sequence
   */
  public LogLikelihood likelihood(
      int[] prompt, int[] answer, LikelihoodOptions options, long seed) {
    return estimate(prompt, answer, options, seed, e -> e.estimate(prompt, answer));
  }

  /** Whether the model, decoding greedily, would answer so; as above. */
  public boolean isGreedy(int[] prompt, int[] answer, LikelihoodOptions options) {
    return estimate(prompt, answer, options, 0, e -> e.isGreedy(prompt, answer));
  }

  private static void required(Runnable check) {
    try {
      check.run();
    } catch (IllegalArgumentException e) {
      throw new RequestException(e.getMessage());
    }
  }

  private <R> R estimate(
      int[] prompt,
      int[] answer,
      LikelihoodOptions options,
      long seed,
      Function<LikelihoodEstimator, R> use) {
    given(options, "the options");
    int tokens = given(prompt, "the prompt").length + given(answer, "the answer").length;
    if (tokens > config().maxSequenceLength()) {
      throw new RequestException(
          "the text has %d tokens; the model takes at most %d (max_sequence_length): shorten it"
              .formatted(tokens, config().maxSequenceLength()));
    }
    required(() -> DecodingRules.checkScores(options, config(), prompt.length));
    return opened.checked(
        () ->
            engine.with(
                LikelihoodEstimator.room(options, config(), tokens, answer.length),
                predictor ->
                    use.apply(
                        new LikelihoodEstimator(
                            predictor, config(), options, MaskDraws.seeded(seed)))));
  }

  /** The ids of a text, with the start of text before it where the model wants it. */
  public int[] tokenize(String text) {
    return tokenizer.encodeText(given(text, "the text"));
  }

  /** The text of tokens, without special ones. */
  public String text(int[] ids) {
    return Framing.text(tokenizer, given(ids, "the list of ids"), true);
  }

  /** The text of tokens, special ones included. */
  public String textWithSpecials(int[] ids) {
    return Framing.text(tokenizer, given(ids, "the list of ids"), false);
  }

  /** Shows answers that are half unmasked. */
  public AnswerText answerText() {
    return new AnswerText(config(), tokenizer);
  }

  /** Shape and special tokens. */
  public LladaConfig config() {
    return opened.checkpoint().config();
  }

  /** Text to ids and back. */
  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /** The files. */
  public Checkpoint checkpoint() {
    return opened.checkpoint();
  }

  /** Whether the model has a chat template that is understood. */
  public boolean hasChatTemplate() {
    try {
      return checkpoint().chatTemplate() != null;
    } catch (FormatException _) {
      return false;
    }
  }

  /** What computes, and why it was chosen. */
  public Backend backend() {
    return opened.backend();
  }

  /** The same model over ids. */
  public Engine engine() {
    return engine;
  }

  /** Whether nothing else was named, so that this is the model of {@code llada-demo}. */
  public boolean isDemo() {
    return bundled;
  }

  /**
   * A few characters that differ from model to model and from settings to settings: what keeps
   * results of different runs apart. Of the weights, a glance is taken.
   */
  public String fingerprint(Object... settings) {
    return opened.fingerprint(Arrays.deepToString(given(settings, "the list of settings")));
  }

  @Override
  public void close() {
    opened.close();
    conversations.forEach(this::forget);
  }
}
