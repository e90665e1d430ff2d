package llada.evaluation;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;
import llada.api.RequestException;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.LogLikelihood;
import llada.diffusion.SamplerOptions;
import llada.format.FormatException;
import llada.format.Json;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.ChatTemplate.Message;

/** What an evaluation harness asks, one request at a time. */
public final class EvalRequests {
  private final Llada llada;
  private final LikelihoodOptions likelihood;
  private final SamplerOptions options;
  private final long seed;
  private final boolean checkGreedy;
  private final TextScorer scorer;

  /**
   * Requests for a model.
   *
   * @param checkGreedy whether is_greedy is found out, a pass for every token
   */
  public EvalRequests(
      Llada llada,
      LikelihoodOptions likelihood,
      SamplerOptions options,
      long seed,
      boolean checkGreedy) {
    this.llada = llada;
    this.likelihood = likelihood;
    this.options = options;
    this.seed = seed;
    this.checkGreedy = checkGreedy;
    this.scorer = new TextScorer(llada, likelihood, null, seed);
  }

  /**
   * Writes the member "result".
   *
   * @throws FormatException if the request is not understood
   * @throws RequestException if it does not fit the model
   */
  public void answer(Json request, JsonGenerator json) throws IOException {
    switch (request.get("method").string()) {
      case "info" -> info(json);
      case "loglikelihood" -> logLikelihood(request, json);
      case "loglikelihood_rolling" -> {
        TextScorer.Score score = scorer.score("", request.get("text").string());
        json.writeObjectFieldStart("result");
        score.write(json);
        json.writeEndObject();
      }
      case "generate_until" -> generateUntil(request, json);
      case "apply_chat_template" -> chat(request, json);
      default ->
          throw new FormatException(
              "%s is '%s'; there are info, loglikelihood, loglikelihood_rolling, generate_until and apply_chat_template"
                  .formatted(request.get("method").where(), request.get("method").string()));
    }
  }

  private void info(JsonGenerator json) throws IOException {
    json.writeObjectFieldStart("result");
    json.writeStringField("model", llada.checkpoint().path().toString());
    json.writeNumberField("max_length", llada.config().maxSequenceLength());
    json.writeNumberField("gen_length", options.genLength());
    json.writeNumberField("mc_num", likelihood.mcNum());
    json.writeNumberField("cfg_scale", likelihood.cfgScale());
    json.writeStringField("backend", llada.backend().name());
    json.writeEndObject();
  }

  private void logLikelihood(Json request, JsonGenerator json) throws IOException {
    EncodedPair whole =
        EncodedPair.of(
            llada.tokenizer(),
            request.get("context").string(),
            request.get("continuation").string());
    int most = llada.config().maxSequenceLength();
    EncodedPair pair = whole.lastTokens(most);
    // A continuation that is too long by itself is scored in windows.
    LogLikelihood found = scorer.score(pair.context(), pair.continuation());
    boolean greedy =
        checkGreedy
            && pair.length() <= most
            && llada.isGreedy(pair.context(), pair.continuation(), likelihood);
    json.writeObjectFieldStart("result");
    json.writeNumberField("log_likelihood", found.value());
    if (!Double.isNaN(found.standardError())) {
      json.writeNumberField("standard_error", found.standardError());
    }
    json.writeNumberField("tokens", found.tokens());
    json.writeBooleanField("is_greedy", greedy);
    leftOut(whole.length() - pair.length(), json);
    json.writeEndObject();
  }

  /** How many tokens of the context's beginning did not fit, for a warning. */
  private static void leftOut(int tokens, JsonGenerator json) throws IOException {
    if (tokens > 0) {
      json.writeNumberField("left_out", tokens);
    }
  }

  /** As published: cut at the first stop text while special tokens still show, then cleaned. */
  private void generateUntil(Json request, JsonGenerator json) throws IOException {
    int[] context = llada.tokenizer().encodeText(request.get("context").string());
    Json most = request.get("max_gen_toks");
    SamplerOptions fitting =
        most.isNull() ? options : shortened(most.integer(1, Integer.MAX_VALUE));
    int room = llada.config().maxSequenceLength() - fitting.genLength();
    int leftOut = Math.clamp(context.length - room, 0, context.length);
    int[] prompt = Arrays.copyOfRange(context, leftOut, context.length);
    Answer answer = llada.generate(Request.of(prompt).options(fitting).seed(seed));
    String text = llada.textWithSpecials(answer.tokens());
    for (Json stop : request.get("until").or(List.of()).list()) {
      int at = stop.string().isEmpty() ? -1 : text.indexOf(stop.string());
      text = at < 0 ? text : text.substring(0, at);
    }
    String clean = llada.text(llada.tokenizer().encode(text));
    json.writeObjectFieldStart("result");
    json.writeStringField("text", clean);
    json.writeNumberField("tokens", answer.tokens().length);
    json.writeNumberField("useful_tokens", answer.useful());
    leftOut(leftOut, json);
    json.writeEndObject();
  }

  /** No more tokens than asked for: whole blocks where they fit, as many steps a token. */
  private SamplerOptions shortened(int most) {
    if (most >= options.genLength()) {
      return options;
    }
    int block = Math.min(options.blockLength(), most);
    int length = most / block * block;
    int steps = Math.max(1, (int) ((long) options.steps() * block / options.genLength()));
    return options.toBuilder().lengths(steps * (length / block), length, block).build();
  }

  private void chat(Json request, JsonGenerator json) throws IOException {
    List<Message> messages = new ArrayList<>();
    for (Json one : request.get("messages").list()) {
      messages.add(new Message(one.get("role").string(), one.get("content").string()));
    }
    ChatTemplate template = llada.checkpoint().chatTemplate();
    boolean answer = request.get("add_generation_prompt").or(true).bool();
    json.writeStringField(
        "result", answer ? template.render(messages) : template.renderOpen(messages));
  }
}
