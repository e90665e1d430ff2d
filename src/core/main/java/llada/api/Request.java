package llada.api;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import llada.diffusion.BlockOptions;
import llada.diffusion.Decoder;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerMode;
import llada.diffusion.SamplerOptions;
import llada.tokenizer.ChatTemplate.Message;

/**
 * What is asked of a model, and how it is to answer. Immutable: each method gives another request,
 * and checks what it is given.
 *
 * <pre>{@code
 * Request.of("Once upon a time").length(64).fast().seed(7).onStep(step -> Next.CONTINUE)
 * }</pre>
 */
public final class Request {
  /** What the answer belongs to. */
  public sealed interface Prompt {}

  /** A text, which a model trained on chats gets as a user's turn unless {@link #raw} is asked. */
  public record Text(String text) implements Prompt {}

  /** A conversation that ends with a user's turn. */
  public record Turns(List<Message> messages) implements Prompt {
    /** Copies the list. */
    public Turns {
      given(messages, "the conversation").forEach(message -> given(message, "a message"));
      messages = List.copyOf(messages);
    }
  }

  /** Token ids, as they stand. */
  public record Ids(int[] ids) implements Prompt {
    /** Copies the ids. */
    public Ids {
      ids = given(ids, "the prompt").clone();
    }

    @Override
    public int[] ids() {
      return ids.clone();
    }
  }

  /** A text with masks, whose gaps are filled; see {@link Llada#infilling}. */
  record Gaps(int[] ids) implements Prompt {}

  /** Everything but the prompt. It changes only in {@link #with}, before a request has it. */
  private static final class Wishes implements Cloneable {
    private Optional<Boolean> framed = Optional.empty();
    private Optional<String> system = Optional.empty();
    private OptionalInt length = OptionalInt.empty();
    private OptionalInt steps = OptionalInt.empty();
    private OptionalInt block = OptionalInt.empty();
    private SamplerOptions sampler = PUBLISHED;
    private boolean complete; // so that nothing of the sampler's is left to defaults
    private Optional<Decoder> decoder = Optional.empty();
    private BlockOptions blocks = BlockOptions.DEFAULT;
    private OptionalLong seed = OptionalLong.empty();
    private List<String> stops = List.of();
    private Optional<Function<Step, Next>> listener = Optional.empty();

    private Wishes copy() {
      try {
        return (Wishes) clone(); // all of the members are immutable
      } catch (CloneNotSupportedException e) {
        throw new AssertionError(e);
      }
    }
  }

  private static final SamplerOptions PUBLISHED = SamplerOptions.defaults();

  /** The largest block that is taken when none is given. */
  private static final int BLOCK = 32;

  private final Prompt prompt;
  private final Wishes wishes;

  private Request(Prompt prompt, Wishes wishes) {
    this.prompt = prompt;
    this.wishes = wishes;
  }

  /** Asks for an answer to a text, or for its continuation: as suits the model. */
  public static Request of(String text) {
    return new Request(new Text(given(text, "the prompt")), new Wishes());
  }

  /**
   * Asks for the next turn of a conversation.
   *
   * @throws IllegalArgumentException if there is no message
   */
  public static Request of(List<Message> messages) {
    boolean any = !given(messages, "the conversation").isEmpty();
    require(any, "a conversation without a message has no next turn");
    return new Request(new Turns(messages), new Wishes());
  }

  /** Asks for what follows these tokens. */
  public static Request of(int[] ids) {
    return new Request(new Ids(ids), new Wishes());
  }

  /** Asks for what belongs in the masks of these tokens. */
  static Request gaps(int[] ids) {
    return new Request(new Gaps(ids), new Wishes());
  }

  /** Frames the text by the model's chat template, whatever the model's default. */
  public Request chat() {
    return with(w -> w.framed = Optional.of(true));
  }

  /** Leaves the text as it stands. */
  public Request raw() {
    return with(w -> w.framed = Optional.of(false));
  }

  /** A message before all others; the text is framed as by {@link #chat}. */
  public Request system(String text) {
    given(text, "the system message");
    return chat().with(w -> w.system = Optional.of(text));
  }

  /** Tokens of the answer; with {@link Decoder#length} the most of them. Default: 128. */
  public Request length(int tokens) {
    require(tokens >= 1, "length is " + tokens + "; it must be at least 1");
    return with(w -> w.length = OptionalInt.of(tokens)).checked();
  }

  /** Denoising steps of the whole answer. Default: one for each token. */
  public Request steps(int count) {
    require(count >= 1, "steps is " + count + "; it must be at least 1");
    return with(w -> w.steps = OptionalInt.of(count)).checked();
  }

  /**
   * Tokens that are unmasked together before the next block is begun. Default: all of them, or 32
   * for chats and fast answers where that divides the length.
   */
  public Request block(int tokens) {
    require(tokens >= 1, "block is " + tokens + "; it must be at least 1");
    return with(w -> w.block = OptionalInt.of(tokens)).checked();
  }

  /** Gumbel noise on the proposals; 0, the default, takes the likeliest. */
  public Request temperature(double value) {
    return sampler(options -> options.temperature(value));
  }

  /** Proposes only among this many likeliest tokens; 0, the default, is all. */
  public Request topK(int tokens) {
    return sampler(options -> options.topK(tokens));
  }

  /** Proposes only among the likeliest tokens that together reach this probability; 1 is all. */
  public Request topP(double probability) {
    return sampler(options -> options.topP(probability));
  }

  /** How surely a mask is filled at once, by a model that writes block by block. Default: 0.95. */
  public Request threshold(double probability) {
    BlockOptions changed = wishes.blocks.withThreshold(probability);
    return with(w -> w.blocks = changed);
  }

  /**
   * Lets such a model replace what it wrote in the block at hand where it is surer than this of
   * another token (LLaDA2.1). Default: it does not.
   */
  public Request editing(double above) {
    BlockOptions changed = wishes.blocks.edited(above);
    return with(w -> w.blocks = changed);
  }

  /** Any option of the sampler but its lengths and its decoder. */
  public Request sampler(UnaryOperator<SamplerOptions.Builder> change) {
    SamplerOptions.Builder builder = wishes.sampler.toBuilder();
    SamplerOptions changed = given(change, "the change").apply(builder).build();
    return with(w -> w.sampler = changed);
  }

  /** All choices of the sampler at once: lengths, decoder and the rest. */
  public Request options(SamplerOptions options) {
    given(options, "the sampler's options");
    return with(
        w -> {
          w.length = OptionalInt.of(options.genLength());
          w.steps = OptionalInt.of(options.steps());
          w.block = OptionalInt.of(options.blockLength());
          w.sampler = options;
          w.complete = true;
          w.decoder = Optional.of(options.decoder());
          w.blocks = options.decoder().blocks();
        });
  }

  /** Many times faster at nearly the same quality: {@link Decoder#fast}, ending where it ends. */
  public Request fast() {
    return decoder(Decoder.fast());
  }

  /** The published sampler: every step computes everything. */
  public Request exact() {
    return decoder(Decoder.exact());
  }

  /** Any cache, commit rule, repetition control or variable length. */
  public Request decoder(Decoder decoder) {
    given(decoder, "the decoder");
    return with(
        w -> {
          w.decoder = Optional.of(decoder);
          if (!decoder.blocks().equals(BlockOptions.DEFAULT)) {
            w.blocks = decoder.blocks();
          }
        });
  }

  /** Seed of every random number: the same seed gives the same tokens. Default: 0. */
  public Request seed(long value) {
    return with(w -> w.seed = OptionalLong.of(value));
  }

  /**
   * Ends the answer before the first of these texts in it.
   *
   * @throws IllegalArgumentException if one is empty, or has half of a surrogate pair
   */
  public Request stop(String... texts) {
    for (String text : given(texts, "the list of stop texts")) {
      require(!given(text, "a stop text").isEmpty(), "a stop text is empty");
      require(
          StandardCharsets.UTF_8.newEncoder().canEncode(text),
          "a stop text has half of a surrogate pair, which no text that is told has");
    }
    List<String> stops = List.of(texts);
    return with(w -> w.stops = stops);
  }

  /**
   * Watches the answer being unmasked, on the thread that asks for it. What the listener throws
   * ends its own answer; {@link Llada#generate(List)} says what becomes of the others.
   */
  public Request onStep(Function<Step, Next> listener) {
    given(listener, "the listener");
    return with(w -> w.listener = Optional.of(listener));
  }

  private Request with(Consumer<Wishes> change) {
    Wishes changed = wishes.copy();
    change.accept(changed);
    return new Request(prompt, changed);
  }

  /** This, if its lengths go together as far as they are known. */
  private Request checked() {
    if (wishes.length.isPresent() && wishes.block.isPresent()) {
      options(wishes.length.getAsInt(), wishes.steps, wishes.block.getAsInt());
    }
    return this;
  }

  /** What the answer belongs to. */
  public Prompt prompt() {
    return prompt;
  }

  /** Whether the prompt is a conversation. */
  public boolean isConversation() {
    return prompt instanceof Turns;
  }

  /** What was asked of the frame; empty where the model's default holds. */
  public Optional<Boolean> framed() {
    return wishes.framed;
  }

  Optional<String> system() {
    return wishes.system;
  }

  /** The block that was asked for by itself. */
  OptionalInt block() {
    return wishes.complete ? OptionalInt.empty() : wishes.block;
  }

  /** The seed; 0 where none was given. */
  public long seed() {
    return wishes.seed.orElse(0);
  }

  List<String> stops() {
    return wishes.stops;
  }

  /** Who watches; a step is not made ready to draw where nobody does. */
  Optional<Function<Step, Next>> listener() {
    return wishes.listener;
  }

  /**
   * All choices of the sampler, with defaults for what was not asked.
   *
   * @param framed whether the prompt is a turn of a chat
   * @param usual the decoder where none is asked for, nor anything that only the exact one has
   * @throws IllegalArgumentException if the lengths do not go together
   */
  SamplerOptions options(boolean framed, Decoder usual) {
    boolean plain =
        wishes.steps.isEmpty()
            && wishes.sampler.mode() == SamplerMode.INTENDED
            && wishes.sampler.remasking() == Remasking.LOW_CONFIDENCE;
    Decoder decoder = wishes.decoder.orElse(plain ? usual : Decoder.exact());
    boolean blocks = framed || !decoder.isExact();
    int length = wishes.length.orElse(PUBLISHED.genLength());
    int block = wishes.block.orElse(blocks && length % BLOCK == 0 ? BLOCK : length);
    SamplerOptions options = options(length, wishes.steps, block);
    boolean ends = wishes.sampler.stopAtEos() || !wishes.complete && !decoder.isExact();
    return options.toBuilder().decoder(decoder.with(wishes.blocks)).stopAtEos(ends).build();
  }

  private SamplerOptions options(int length, OptionalInt steps, int block) {
    return wishes.sampler.toBuilder().lengths(steps.orElse(length), length, block).build();
  }

  /** Refuses null at once, where it is still known who gave it. */
  static <T> T given(T value, String what) {
    return Objects.requireNonNull(value, what + " is null");
  }

  private static void require(boolean holds, String rule) {
    if (!holds) {
      throw new IllegalArgumentException(rule);
    }
  }
}
