package llada.server;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import llada.api.Answer;
import llada.api.AnswerText;
import llada.api.Draft;
import llada.format.JsonLine;

/** Answers as JSON: whole ones, the parts of a stream, and canvases. */
final class Replies {
  private final Form form;
  private final Models.Served model;
  private final long seed;
  private final boolean cut;
  private final String id;
  private final long created = Instant.now().getEpochSecond();

  /**
   * Of one request.
   *
   * @param cut whether an answer without an end is one that was cut
   */
  Replies(Form form, Models.Served model, long seed, boolean cut) {
    this.form = form;
    this.model = model;
    this.seed = seed;
    this.cut = cut;
    long number = RandomGenerator.getDefault().nextLong();
    this.id = form.prefix() + HexFormat.of().toHexDigits(number);
  }

  /**
   * Tokens with what the model thought of them.
   *
   * @param ids of the tokens
   * @param confidence of each when it was revealed
   */
  record Revealed(int[] ids, double[] confidence) {}

  /**
   * A choice that is finished.
   *
   * @param text what is told
   * @param revealed its tokens, where logprobs are asked for
   * @param fills of its gaps, where there are any
   * @param answer where it comes from
   */
  record Choice(String text, Optional<Revealed> revealed, List<String> fills, Answer answer) {}

  /** The answer to a request that is not streamed. */
  String whole(List<Choice> choices) {
    return JsonLine.of(
        json -> {
          head(json, false);
          json.writeArrayFieldStart("choices");
          for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
            json.writeStartObject();
            json.writeNumberField("index", i);
            if (form == Form.CHAT) {
              StreamText.Split split = StreamText.split(choice.text());
              json.writeObjectFieldStart("message");
              json.writeStringField("role", "assistant");
              json.writeStringField("content", split.content());
              if (!split.reasoning().isEmpty()) {
                json.writeStringField("reasoning_content", split.reasoning());
              }
              json.writeNullField("refusal");
              json.writeEndObject();
            } else {
              json.writeStringField("text", choice.text());
            }
            if (form == Form.INFILL) {
              json.writeArrayFieldStart("fills");
              for (String fill : choice.fills()) {
                json.writeString(fill);
              }
              json.writeEndArray();
            }
            logprobs(json, choice.revealed());
            json.writeStringField("finish_reason", reason(choice.answer()));
            json.writeEndObject();
          }
          json.writeEndArray();
          usage(json, choices.stream().map(Choice::answer).toList());
        });
  }

  /** The first part of a choice, which says who speaks. */
  String begin(int index) {
    return part(index, null, json -> json.writeStringField("role", "assistant"), Optional.empty());
  }

  /** A part with new text. */
  String delta(int index, StreamText.Split text, Optional<Revealed> revealed) {
    return part(index, null, json -> write(json, text), revealed);
  }

  private static void write(JsonGenerator json, StreamText.Split text) throws IOException {
    if (!text.reasoning().isEmpty()) {
      json.writeStringField("reasoning_content", text.reasoning());
    }
    if (!text.content().isEmpty()) {
      json.writeStringField("content", text.content());
    }
  }

  private String part(
      int index, String reason, JsonLine.Members delta, Optional<Revealed> revealed) {
    return JsonLine.of(json -> part(json, index, reason, delta, revealed));
  }

  private void part(
      JsonGenerator json,
      int index,
      String reason,
      JsonLine.Members delta,
      Optional<Revealed> revealed)
      throws IOException {
    head(json, true);
    json.writeArrayFieldStart("choices");
    json.writeStartObject();
    json.writeNumberField("index", index);
    json.writeObjectFieldStart("delta");
    delta.write(json);
    json.writeEndObject();
    logprobs(json, revealed);
    json.writeStringField("finish_reason", reason);
    json.writeEndObject();
    json.writeEndArray();
  }

  /** A part of a completion, which has no delta but text; the last one has why it ends. */
  String text(int index, String text, Optional<Revealed> revealed, Optional<Answer> end) {
    return JsonLine.of(
        json -> {
          head(json, true);
          json.writeArrayFieldStart("choices");
          json.writeStartObject();
          json.writeNumberField("index", index);
          json.writeStringField("text", text);
          logprobs(json, revealed);
          json.writeStringField("finish_reason", end.map(this::reason).orElse(null));
          json.writeEndObject();
          json.writeEndArray();
        });
  }

  /** The last part of a choice. */
  String end(int index, StreamText.Split rest, Optional<Revealed> revealed, Answer answer) {
    return part(index, reason(answer), json -> write(json, rest), revealed);
  }

  /** The last event of a request whose usage is asked for. */
  String usage(List<Answer> answers) {
    return JsonLine.of(
        json -> {
          head(json, true);
          json.writeArrayFieldStart("choices");
          json.writeEndArray();
          usage(json, answers);
        });
  }

  /** The whole answer as it stands after a step. */
  String canvas(int index, Draft draft) {
    List<String> texts = model.text().ofEach(draft.tokens());
    StringBuilder whole = new StringBuilder();
    for (int i = 0; i < texts.size(); i++) {
      whole.append(isMask(draft, i) ? AnswerText.MASK : texts.get(i));
    }
    return JsonLine.of(
        json -> {
          JsonLine.Members content = out -> out.writeStringField("content", whole.toString());
          part(json, index, null, content, Optional.empty());
          json.writeObjectFieldStart("diffusion");
          json.writeNumberField("step", draft.number());
          json.writeNumberField("steps", draft.of());
          json.writeFieldName("block");
          json.writeArray(new int[] {draft.blockFrom(), draft.blockTo()}, 0, 2);
          json.writeArrayFieldStart("tokens");
          for (int i = 0; i < texts.size(); i++) {
            boolean masked = isMask(draft, i);
            json.writeStartObject();
            json.writeStringField("text", texts.get(i));
            json.writeBooleanField("masked", masked);
            json.writeBooleanField("new", !masked && draft.isNew(i));
            json.writeNumberField("confidence", masked ? 0 : rounded(draft.confidence()[i]));
            json.writeNumberField("step", masked ? -1 : draft.step()[i]);
            if (model.llada().config().ends(draft.tokens()[i])) {
              json.writeBooleanField("end", true);
            }
            json.writeEndObject();
          }
          json.writeEndArray();
          json.writeEndObject();
        });
  }

  private boolean isMask(Draft draft, int token) {
    return model.llada().config().isMask(draft.tokens()[token]);
  }

  /** The last event of such a stream. */
  String finished(int index, String text, Answer answer) {
    return JsonLine.of(
        json -> {
          JsonLine.Members content = out -> out.writeStringField("content", text);
          part(json, index, reason(answer), content, Optional.empty());
          usage(json, List.of(answer));
        });
  }

  private void head(JsonGenerator json, boolean streamed) throws IOException {
    json.writeStringField("id", id);
    json.writeStringField("object", form.object(streamed));
    json.writeNumberField("created", created);
    json.writeStringField("model", model.name());
    json.writeStringField("system_fingerprint", model.fingerprint());
    json.writeNumberField("seed", seed);
  }

  private String reason(Answer answer) {
    return answer.end() == Answer.End.LENGTH && cut ? "length" : "stop";
  }

  private static void usage(JsonGenerator json, List<Answer> answers) throws IOException {
    int prompt = answers.getFirst().figures().promptTokens();
    int tokens = 0;
    int useful = 0;
    int passes = 0;
    for (Answer answer : answers) {
      int revealed = (int) Arrays.stream(answer.step()).filter(step -> step >= 0).count();
      tokens += revealed;
      useful += Math.min(revealed, answer.useful());
      passes += answer.figures().forwardPasses();
    }
    json.writeObjectFieldStart("usage");
    json.writeNumberField("prompt_tokens", prompt);
    json.writeNumberField("completion_tokens", tokens);
    json.writeNumberField("total_tokens", prompt + tokens);
    json.writeNumberField("useful_tokens", useful);
    json.writeNumberField("forward_passes", passes);
    json.writeEndObject();
  }

  /** Confidences as logarithms, in the words of chats or of completions. */
  private void logprobs(JsonGenerator json, Optional<Revealed> revealed) throws IOException {
    if (revealed.isEmpty()) {
      json.writeNullField("logprobs");
      return;
    }
    int[] ids = revealed.get().ids();
    double[] confidence = revealed.get().confidence();
    List<String> texts = model.text().ofEach(ids);
    json.writeObjectFieldStart("logprobs");
    if (form == Form.CHAT) {
      json.writeArrayFieldStart("content");
      for (int i = 0; i < ids.length; i++) {
        json.writeStartObject();
        json.writeStringField("token", texts.get(i));
        json.writeNumberField("logprob", Math.log(confidence[i]));
        json.writeFieldName("bytes");
        byte[] utf8 = texts.get(i).getBytes(StandardCharsets.UTF_8);
        json.writeStartArray();
        for (byte b : utf8) {
          json.writeNumber(b & 0xff);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("top_logprobs");
        json.writeEndArray();
        json.writeEndObject();
      }
      json.writeEndArray();
    } else {
      json.writeArrayFieldStart("tokens");
      for (String text : texts) {
        json.writeString(text);
      }
      json.writeEndArray();
      json.writeArrayFieldStart("token_logprobs");
      for (double p : confidence) {
        json.writeNumber(Math.log(p));
      }
      json.writeEndArray();
      json.writeNullField("top_logprobs");
    }
    json.writeEndObject();
  }

  private static double rounded(double confidence) {
    return Math.round(confidence * 1e4) / 1e4;
  }
}
