package llada.server;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import llada.api.Request;
import llada.api.RequestException;
import llada.diffusion.Daedal;
import llada.diffusion.Decoder;
import llada.diffusion.DecoderText;
import llada.diffusion.Remasking;
import llada.diffusion.Repetition;
import llada.diffusion.SamplerOptions;
import llada.diffusion.SettingException;
import llada.format.FormatException;
import llada.format.Json;
import llada.tokenizer.ChatTemplate.Message;
import llada.tokenizer.TokenizerException;

/** What a client may ask of an answer, read into a {@link Request}. */
final class Wishes {
  private static final int MOST_CHOICES = 16;
  private static final int MOST_STOPS = 16;

  private final Fields fields;
  private final Fields diffusion;
  private final long seed;
  private final boolean stream;
  private final boolean usage;
  private final boolean diffusing;
  private final boolean logprobs;
  private final int choices;
  private final List<String> stops;
  private final OptionalInt length;
  private final OptionalInt steps;

  /** Reads all but the prompt, so that what is wrong is told before anything is done. */
  Wishes(Fields fields) {
    this.fields = fields;
    this.diffusion = fields.object("diffusion");
    this.seed = fields.whole("seed").orElseGet(() -> RandomGenerator.getDefault().nextInt(1 << 30));
    this.stream = fields.flag("stream");
    this.usage = fields.object("stream_options").flag("include_usage");
    this.diffusing = diffusion.flag("diffusing") || fields.flag("diffusing");
    this.logprobs = fields.read("logprobs", Wishes::logprobs);
    this.choices = fields.integer("n", 1, MOST_CHOICES).orElse(1);
    this.stops = fields.strings("stop", MOST_STOPS);
    try {
      Request _ = Request.of("").stop(stops.toArray(String[]::new));
    } catch (IllegalArgumentException e) {
      throw ApiException.invalid("stop", e.getMessage());
    }
    OptionalInt newer = fields.integer("max_completion_tokens", 1, Integer.MAX_VALUE);
    OptionalInt older = fields.integer("max_tokens", 1, Integer.MAX_VALUE);
    this.length = newer.isPresent() ? newer : older;
    this.steps = diffusion.integer("steps", 1, Integer.MAX_VALUE);
    fields.refuse("tools", "these models call no functions");
    fields.refuse("functions", "these models call no functions");
    fields.refuse("tool_choice", "these models call no functions");
    fields.refuse("logit_bias", "logits are used as the model gives them");
    fields.refuse("frequency_penalty", "take diffusion.repetition_penalty, such as 1.2");
    fields.refuse("presence_penalty", "take diffusion.repetition_penalty, such as 1.2");
    fields.refuse("top_logprobs", "there is the confidence of the token that was revealed alone");
    fields.refuse("echo", "the prompt is not scored");
    fields.refuse("audio", "the answer is text");
    if (!fields.object("response_format").string("type").orElse("text").equals("text")) {
      throw ApiException.invalid(
          "response_format",
          "unsupported_parameter",
          "response_format cannot be done: an answer is free text; ask for JSON in words");
    }
  }

  Fields fields() {
    return fields;
  }

  long seed() {
    return seed;
  }

  boolean stream() {
    return stream;
  }

  boolean usage() {
    return usage;
  }

  boolean diffusing() {
    return diffusing;
  }

  boolean logprobs() {
    return logprobs;
  }

  int choices() {
    return choices;
  }

  List<String> stops() {
    return stops;
  }

  OptionalInt length() {
    return length;
  }

  OptionalInt steps() {
    return steps;
  }

  /** Whether confidences are wanted: a flag for chats, how many for completions. */
  private static boolean logprobs(Json value) {
    return switch (value.value()) {
      case null -> false;
      case Boolean flag -> flag;
      default -> value.integer(0, 1) >= 0;
    };
  }

  /** The turns of a conversation. */
  List<Message> messages() {
    List<Message> messages =
        fields.read("messages", value -> value.list().stream().map(Wishes::message).toList());
    if (messages.isEmpty()) {
      throw ApiException.invalid("messages", "messages is empty; the last one is answered");
    }
    return messages;
  }

  private static Message message(Json message) {
    String role = message.get("role").string();
    if (!List.of("system", "developer", "user", "assistant").contains(role)) {
      throw new FormatException(
          "%s: role is '%s'; there are system, developer, user and assistant"
              .formatted(message.where(), role.length() > 20 ? role.substring(0, 20) : role));
    }
    Json content = message.get("content");
    if (content.value() instanceof List<?>) {
      StringBuilder text = new StringBuilder();
      for (Json part : content.list()) {
        if (!part.get("type").string().equals("text")) {
          throw new FormatException(part.where() + " is no text; these models read text alone");
        }
        text.append(part.get("text").string());
      }
      return new Message(role.equals("developer") ? "system" : role, text.toString());
    }
    return new Message(role.equals("developer") ? "system" : role, content.string());
  }

  /** A request with all that is asked beside its prompt. */
  Request over(Request prompt) {
    Request request = prompt.seed(seed).stop(stops.toArray(String[]::new)).sampler(this::sampled);
    Optional<Decoder> decoder = decoder(prompt.framed().orElse(false));
    request = decoder.isPresent() ? request.decoder(decoder.get()) : request;
    OptionalInt block = diffusion.integer("block_length", 1, Integer.MAX_VALUE);
    request = length.isPresent() ? request.length(length.getAsInt()) : request;
    request = block.isPresent() ? request.block(block.getAsInt()) : request;
    return steps.isPresent() ? request.steps(steps.getAsInt()) : request;
  }

  /** All of the sampler's options but its lengths. */
  SamplerOptions.Builder sampler(SamplerOptions.Builder options) {
    decoder(false).ifPresent(options::decoder);
    return sampled(options);
  }

  private SamplerOptions.Builder sampled(SamplerOptions.Builder options) {
    fields.number("temperature").ifPresent(options::temperature);
    fields.number("top_p").ifPresent(options::topP);
    fields.integer("top_k", -1, Integer.MAX_VALUE).ifPresent(k -> options.topK(Math.max(0, k)));
    diffusion.number("cfg_scale").ifPresent(options::cfgScale);
    diffusion.string("remasking").map(Wishes::remasking).ifPresent(options::remasking);
    return options;
  }

  private static Remasking remasking(String name) {
    for (Remasking one : Remasking.values()) {
      if (one.name().toLowerCase(Locale.ROOT).equals(name)) {
        return one;
      }
    }
    throw ApiException.invalid(
        "diffusion.remasking",
        "diffusion.remasking is none of low_confidence, random, entropy, margin");
  }

  /** The decoder that is asked for; empty for the model's usual one. */
  private Optional<Decoder> decoder(boolean chat) {
    Optional<String> preset = diffusion.string("preset");
    Optional<String> cache = diffusion.string("cache");
    Optional<String> commit = diffusion.string("commit");
    boolean repeats = diffusion.has("repetition_penalty") || diffusion.has("no_repeat_ngram");
    if (preset.isEmpty() && cache.isEmpty() && commit.isEmpty() && !repeats) {
      return Optional.empty();
    }
    boolean fast = chat && cache.isEmpty() && commit.isEmpty();
    Decoder base =
        switch (preset.orElse(fast ? "fast" : "exact")) {
          case "fast" -> Decoder.fast();
          case "exact" -> Decoder.exact();
          case "variable" -> Decoder.fast().with(new Daedal());
          default ->
              throw ApiException.invalid(
                  "diffusion.preset", "diffusion.preset is none of fast, exact, variable");
        };
    Decoder cached =
        named("cache", () -> cache.map(DecoderText::cache).map(base::with).orElse(base));
    Decoder ruled =
        named("commit", () -> commit.map(DecoderText::commit).map(cached::with).orElse(cached));
    return Optional.of(
        new Decoder(
            ruled.cache(),
            ruled.cacheType(),
            ruled.commit(),
            named(
                "repetition_penalty",
                () ->
                    new Repetition(
                        diffusion.number("repetition_penalty").orElse(1),
                        diffusion.integer("no_repeat_ngram", 0, 1000).orElse(0))),
            ruled.length()));
  }

  private static <R> R named(String name, Supplier<R> read) {
    try {
      return read.get();
    } catch (IllegalArgumentException e) {
      throw ApiException.invalid("diffusion." + name, "diffusion." + name + ": " + e.getMessage());
    }
  }

  /**
   * Runs what makes and submits a request; what is wrong with it is the client's business.
   *
   * @param prompt the member that has it
   */
  static <R> R checked(String prompt, Supplier<R> request) {
    try {
      return request.get();
    } catch (SettingException e) {
      String name =
          switch (e.setting()) {
            case "gen_length" -> "max_tokens";
            case "temperature", "top_p", "top_k" -> e.setting();
            default -> "diffusion." + e.setting();
          };
      throw ApiException.invalid(name, name + e.problem());
    } catch (RequestException e) {
      String code =
          e.getMessage().contains("max_sequence_length") ? "context_length_exceeded" : null;
      throw ApiException.invalid(prompt, code, e.getMessage());
    } catch (TokenizerException e) {
      throw ApiException.invalid(prompt, e.getMessage());
    } catch (IllegalArgumentException e) {
      throw ApiException.invalid("diffusion", e.getMessage());
    }
  }
}
