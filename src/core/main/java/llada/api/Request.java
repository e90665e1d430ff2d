package llada.api;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.UnaryOperator;
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
      messages = List.copyOf(messages);
    }
  }

  /** Token ids, as they stand. */
  public record Ids(int[] ids) implements Prompt {
    /** Copies the ids. */
    public Ids {
      ids = ids.clone();
    }

    @Override
    public int[] ids() {
      return ids.clone();
    }
  }

  /** Everything but the prompt, in one place so that a change copies one record. */
  private record Wishes(
      Optional<Boolean> framed,
      Optional<String> system,
      OptionalInt length,
      OptionalInt steps,
      OptionalInt block,
      SamplerOptions sampler,
      boolean complete, // so that nothing of the sampler's is left to defaults
      Optional<Decoder> decoder,
      OptionalLong seed,
      List<String> stops,
      Optional<Function<Step, Next>> listener) {}

  private static final SamplerOptions PUBLISHED = SamplerOptions.defaults();

  /** The largest block that is taken when none is given. */
  private static final int BLOCK = 32;

  private final Prompt prompt;
  private final Wishes wishes;

  private Request(Prompt prompt, Wishes wishes) {
    this.prompt = prompt;
    this.wishes = wishes;
  }

  private static Request of(Prompt prompt) {
    return new Request(
        prompt,
        new Wishes(
            Optional.empty(),
            Optional.empty(),
            OptionalInt.empty(),
            OptionalInt.empty(),
            OptionalInt.empty(),
            PUBLISHED,
            false,
            Optional.empty(),
            OptionalLong.empty(),
            List.of(),
            Optional.empty()));
  }

  /** Asks for an answer to a text, or for its continuation: as suits the model. */
  public static Request of(String text) {
    return of(new Text(text));
  }

  /**
   * Asks for the next turn of a conversation.
   *
   * @throws IllegalArgumentException if there is no message
   */
  public static Request of(List<Message> messages) {
    require(!messages.isEmpty(), "a conversation without a message has no next turn");
    return of(new Turns(messages));
  }

  /** Asks for what follows these tokens. */
  public static Request of(int[] ids) {
    return of(new Ids(ids));
  }

  /** Frames the text by the model's chat template, whatever the model's default. */
  public Request chat() {
    return with(w -> changed(w, Optional.of(true), w.system));
  }

  /** Leaves the text as it stands. */
  public Request raw() {
    return with(w -> changed(w, Optional.of(false), w.system));
  }

  /** A message before all others; the text is framed as by {@link #chat}. */
  public Request system(String text) {
    return with(w -> changed(w, Optional.of(true), Optional.of(text)));
  }

  /** Tokens of the answer; with {@link Decoder#length} the most of them. Default: 128. */
  public Request length(int tokens) {
    require(tokens >= 1, "length is " + tokens + "; it must be at least 1");
    return lengths(OptionalInt.of(tokens), wishes.steps, wishes.block);
  }

  /** Denoising steps of the whole answer. Default: one for each token. */
  public Request steps(int count) {
    require(count >= 1, "steps is " + count + "; it must be at least 1");
    return lengths(wishes.length, OptionalInt.of(count), wishes.block);
  }

  /**
   * Tokens that are unmasked together before the next block is begun. Default: all of them, or 32
   * for chats and fast answers where that divides the length.
   */
  public Request block(int tokens) {
    require(tokens >= 1, "block is " + tokens + "; it must be at least 1");
    return lengths(wishes.length, wishes.steps, OptionalInt.of(tokens));
  }

  /** Gumbel noise on the proposals; 0, the default, takes the likeliest. */
  public Request temperature(double value) {
    return sampler(options -> options.temperature(value));
  }

  /** Any option of the sampler but its lengths and its decoder. */
  public Request sampler(UnaryOperator<SamplerOptions.Builder> change) {
    SamplerOptions changed = change.apply(wishes.sampler.toBuilder()).build();
    return with(
        w ->
            new Wishes(
                w.framed,
                w.system,
                w.length,
                w.steps,
                w.block,
                changed,
                w.complete,
                w.decoder,
                w.seed,
                w.stops,
                w.listener));
  }

  /** All choices of the sampler at once: lengths, decoder and the rest. */
  public Request options(SamplerOptions options) {
    return with(
        w ->
            new Wishes(
                w.framed,
                w.system,
                OptionalInt.of(options.genLength()),
                OptionalInt.of(options.steps()),
                OptionalInt.of(options.blockLength()),
                options,
                true,
                Optional.of(options.decoder()),
                w.seed,
                w.stops,
                w.listener));
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
    return with(
        w ->
            new Wishes(
                w.framed,
                w.system,
                w.length,
                w.steps,
                w.block,
                w.sampler,
                w.complete,
                Optional.of(decoder),
                w.seed,
                w.stops,
                w.listener));
  }

  /** Seed of every random number: the same seed gives the same tokens. Default: 0. */
  public Request seed(long value) {
    return with(
        w ->
            new Wishes(
                w.framed,
                w.system,
                w.length,
                w.steps,
                w.block,
                w.sampler,
                w.complete,
                w.decoder,
                OptionalLong.of(value),
                w.stops,
                w.listener));
  }

  /**
   * Ends the answer before the first of these texts in it.
   *
   * @throws IllegalArgumentException if one is empty
   */
  public Request stop(String... texts) {
    List<String> stops = new ArrayList<>(List.of(texts));
    require(stops.stream().noneMatch(String::isEmpty), "a stop text is empty");
    return with(
        w ->
            new Wishes(
                w.framed,
                w.system,
                w.length,
                w.steps,
                w.block,
                w.sampler,
                w.complete,
                w.decoder,
                w.seed,
                List.copyOf(stops),
                w.listener));
  }

  /** Watches the answer being unmasked, on the thread that asks for it. */
  public Request onStep(Function<Step, Next> listener) {
    return with(
        w ->
            new Wishes(
                w.framed,
                w.system,
                w.length,
                w.steps,
                w.block,
                w.sampler,
                w.complete,
                w.decoder,
                w.seed,
                w.stops,
                Optional.of(listener)));
  }

  private Request lengths(OptionalInt length, OptionalInt steps, OptionalInt block) {
    if (length.isPresent() && block.isPresent()) {
      options(length.getAsInt(), steps, block.getAsInt()); // says what does not go together
    }
    return with(
        w ->
            new Wishes(
                w.framed,
                w.system,
                length,
                steps,
                block,
                w.sampler,
                w.complete,
                w.decoder,
                w.seed,
                w.stops,
                w.listener));
  }

  private static Wishes changed(Wishes w, Optional<Boolean> framed, Optional<String> system) {
    return new Wishes(
        framed,
        system,
        w.length,
        w.steps,
        w.block,
        w.sampler,
        w.complete,
        w.decoder,
        w.seed,
        w.stops,
        w.listener);
  }

  private Request with(UnaryOperator<Wishes> change) {
    return new Request(prompt, change.apply(wishes));
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
    return options.toBuilder().decoder(decoder).stopAtEos(ends).build();
  }

  private SamplerOptions options(int length, OptionalInt steps, int block) {
    return wishes.sampler.toBuilder().lengths(steps.orElse(length), length, block).build();
  }

  private static void require(boolean holds, String rule) {
    if (!holds) {
      throw new IllegalArgumentException(rule);
    }
  }
}
