package llada.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import llada.api.Answer;
import llada.api.Request;
import llada.format.Json;
import org.junit.jupiter.api.Test;

/** What is answered is what the library answers, whole, streamed and as a canvas. */
final class ChatTest extends OneServer {
  private static final String STORY =
      "\"messages\": [{\"role\": \"user\", \"content\": \"Tell me a story about Mia.\"}], \"seed\": 7";

  private static Answer story() {
    return llada.generate(Request.of("Tell me a story about Mia.").chat().seed(7));
  }

  private static Json chat(String members) throws IOException, InterruptedException {
    return Served.json(served.post("/v1/chat/completions", "{" + members + "}").body());
  }

  private static String content(Json reply) {
    return reply.get("choices").get(0).get("message").get("content").string();
  }

  @Test
  void aChatIsAnsweredAsByTheLibrary() throws Exception {
    Answer answer = story();
    Json reply = chat(STORY);
    assertThat(content(reply)).isEqualTo(answer.text()).isNotBlank();
    assertThat(reply.get("object").string()).isEqualTo("chat.completion");
    assertThat(reply.get("model").string()).isEqualTo("demo");
    assertThat(reply.get("choices").get(0).get("finish_reason").string()).isEqualTo("stop");
    Json usage = reply.get("usage");
    assertThat(usage.get("prompt_tokens").integer()).isEqualTo(answer.figures().promptTokens());
    assertThat(usage.get("completion_tokens").integer()).isEqualTo(answer.tokens().length);
    assertThat(usage.get("useful_tokens").integer()).isEqualTo(answer.useful());
    assertThat(usage.get("forward_passes").integer()).isEqualTo(answer.figures().forwardPasses());
  }

  @Test
  void optionsReachTheSampler() throws Exception {
    Request asked =
        Request.of("Tell me a story about Mia.")
            .chat()
            .seed(7)
            .length(64)
            .block(16)
            .steps(32)
            .sampler(o -> o.temperature(0.8).topP(0.9).topK(50).cfgScale(0.5));
    Json reply =
        chat(
            STORY
                + ", \"max_tokens\": 64, \"temperature\": 0.8, \"top_p\": 0.9, \"top_k\": 50,"
                + " \"diffusion\": {\"block_length\": 16, \"steps\": 32, \"cfg_scale\": 0.5}");
    assertThat(content(reply)).isEqualTo(llada.generate(asked).text());
    assertThat(reply.get("usage").get("forward_passes").integer())
        .isEqualTo(llada.generate(asked).figures().forwardPasses());
  }

  @Test
  void deltasNeverChangeWhatWasSent() throws Exception {
    for (String rule : List.of("threshold=0.9", "quota", "remdm-cap=0.2")) {
      String options =
          ", \"max_tokens\": 64, \"diffusion\": {\"commit\": \"%s\", \"block_length\": 16}"
              .formatted(rule);
      List<String> events =
          served.events("/v1/chat/completions", "{" + STORY + options + ", \"stream\": true}");
      assertThat(events.getLast()).isEqualTo("[DONE]");
      assertThat(Served.json(events.getFirst()).get("choices").get(0).get("delta").get("role"))
          .extracting(Json::string)
          .isEqualTo("assistant");
      assertThat(texts(events)).isEqualTo(content(chat(STORY + options)));
      assertThat(events.size()).as("comes in parts").isGreaterThan(4);
    }
  }

  /** What the deltas of a stream of chat say together. */
  private static String texts(List<String> events) {
    return events.subList(0, events.size() - 1).stream()
        .map(event -> Served.json(event).get("choices"))
        .filter(choices -> choices.size() > 0)
        .map(choices -> choices.get(0).get("delta").get("content").or("").string())
        .collect(Collectors.joining());
  }

  @Test
  void aStreamEndsWithReasonAndUsage() throws Exception {
    List<String> events =
        served.events(
            "/v1/chat/completions",
            "{" + STORY + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}}");
    Json usage = Served.json(events.get(events.size() - 2));
    assertThat(usage.get("choices").size()).isZero();
    assertThat(usage.get("usage").get("useful_tokens").integer()).isEqualTo(story().useful());
    Json end = Served.json(events.get(events.size() - 3)).get("choices").get(0);
    assertThat(end.get("finish_reason").string()).isEqualTo("stop");
  }

  @Test
  void diffusingShowsTheWholeCanvasAfterEachStep() throws Exception {
    Answer answer = story();
    List<String> events =
        served.events(
            "/v1/chat/completions",
            "{" + STORY + ", \"stream\": true, \"diffusion\": {\"diffusing\": true}}");
    List<Json> steps = new ArrayList<>();
    for (String event : events.subList(1, events.size() - 2)) {
      steps.add(Served.json(event));
    }
    assertThat(steps).hasSize(answer.figures().steps());
    for (int i = 0; i < steps.size(); i++) {
      Json diffusion = steps.get(i).get("diffusion");
      assertThat(diffusion.get("step").integer()).isEqualTo(i + 1);
      List<Json> tokens = diffusion.get("tokens").list();
      assertThat(tokens).hasSize(answer.tokens().length);
      long from = diffusion.get("block").get(0).integer();
      long to = diffusion.get("block").get(1).integer();
      assertThat(to - from).isEqualTo(32);
      StringBuilder whole = new StringBuilder();
      for (int t = 0; t < tokens.size(); t++) {
        Json token = tokens.get(t);
        boolean masked = token.get("masked").bool();
        whole.append(masked ? "░" : token.get("text").string());
        if (token.get("new").bool()) {
          assertThat(token.get("step").integer()).isEqualTo(i);
          assertThat(token.get("confidence").number()).isBetween(0.0, 1.0);
          assertThat((long) t).isBetween(from, to - 1);
        }
      }
      assertThat(steps.get(i).get("choices").get(0).get("delta").get("content").string())
          .isEqualTo(whole.toString());
    }
    Json last = Served.json(events.get(events.size() - 2));
    assertThat(last.get("choices").get(0).get("delta").get("content").string())
        .isEqualTo(answer.text());
    assertThat(last.get("usage").get("useful_tokens").integer()).isEqualTo(answer.useful());
  }

  @Test
  void stopTextsAreHeldBack() throws Exception {
    String whole = story().text();
    int dot = whole.indexOf('.');
    String stop = whole.substring(dot - 4, dot + 1);
    String options = STORY + ", \"stop\": [\"no such text\", \"" + stop + "\"]";
    assertThat(content(chat(options))).isEqualTo(whole.substring(0, whole.indexOf(stop)));
    List<String> events =
        served.events("/v1/chat/completions", "{" + options + ", \"stream\": true}");
    assertThat(texts(events)).isEqualTo(whole.substring(0, whole.indexOf(stop)));
  }

  @Test
  void severalChoicesHaveSeveralSeeds() throws Exception {
    Json reply = chat(STORY + ", \"n\": 3, \"temperature\": 1");
    for (int i = 0; i < 3; i++) {
      Request one = Request.of("Tell me a story about Mia.").chat().seed(7 + i).temperature(1);
      assertThat(reply.get("choices").get(i).get("message").get("content").string())
          .isEqualTo(llada.generate(one).text());
    }
  }

  @Test
  void logprobsAreConfidencesWhenRevealed() throws Exception {
    Answer answer = story();
    Json reply = chat(STORY + ", \"logprobs\": true");
    List<Json> tokens = reply.get("choices").get(0).get("logprobs").get("content").list();
    assertThat(tokens).hasSize(answer.useful());
    for (int i = 0; i < tokens.size(); i++) {
      assertThat(Math.exp(tokens.get(i).get("logprob").number()))
          .isCloseTo(answer.confidence()[i], org.assertj.core.data.Offset.offset(1e-9));
    }
    assertThat(tokens.stream().map(t -> t.get("token").string()).collect(Collectors.joining()))
        .isEqualTo(answer.text());
  }

  @Test
  void completionsGoOnWithATextOrFillTheGap() throws Exception {
    Json plain =
        Served.json(
            served
                .post(
                    "/v1/completions",
                    "{\"prompt\": \"Once upon\", \"max_tokens\": 16, \"seed\": 1}")
                .body());
    assertThat(plain.get("choices").get(0).get("text").string())
        .isEqualTo(llada.generate(Request.of("Once upon").raw().length(16).seed(1)).text());
    String gap =
        "{\"prompt\": \"A cow\", \"suffix\": \" grass.\", \"max_tokens\": 3, \"seed\": 1, \"stream\": %s}";
    Json filled = Served.json(served.post("/v1/completions", gap.formatted(false)).body());
    String fill = filled.get("choices").get(0).get("text").string();
    assertThat(fill).isNotBlank().doesNotContain("grass.");
    assertThat(filled.get("usage").get("completion_tokens").integer()).isEqualTo(3);
    List<String> events = served.events("/v1/completions", gap.formatted(true));
    assertThat(
            events.subList(0, events.size() - 1).stream()
                .map(e -> Served.json(e).get("choices").get(0).get("text").string())
                .collect(Collectors.joining()))
        .isEqualTo(fill);
  }

  @Test
  void gapsAreFilledAsByTheLibrary() throws Exception {
    for (String text : List.of("A cow lives in {3} and eats {}.", "Tom {4} home.")) {
      String body = "{\"text\": \"%s\", \"seed\": 0, \"stream\": %s}";
      Json reply = Served.json(served.post("/v1/infill", body.formatted(text, false)).body());
      String whole = reply.get("choices").get(0).get("text").string();
      assertThat(whole).isEqualTo(llada.infill(text));
      List<String> events = served.events("/v1/infill", body.formatted(text, true));
      assertThat(texts(events)).isEqualTo(whole);
      List<Json> fills = reply.get("choices").get(0).get("fills").list();
      int at = 0;
      for (Json fill : fills) {
        at = whole.indexOf(fill.string(), at);
        assertThat(at).isNotNegative();
      }
    }
  }

  @Test
  void aGapThatWasCutSaysSo() throws Exception {
    for (boolean stream : List.of(false, true)) {
      String infill = "{\"text\": \"%s\", \"stream\": " + stream + "}";
      assertThat(
              reason("/v1/infill", infill.formatted("A cow lives in {3} and eats grass."), stream))
          .isEqualTo("length");
      assertThat(reason("/v1/infill", infill.formatted("Tom {} home."), stream))
          .as("the model has said how long it is")
          .isEqualTo("stop");
      String gap = "{\"prompt\": \"A cow\", \"suffix\": \" grass.\"%s, \"stream\": " + stream + "}";
      assertThat(reason("/v1/completions", gap.formatted(", \"max_tokens\": 3"), stream))
          .isEqualTo("length");
      assertThat(reason("/v1/completions", gap.formatted(""), stream)).isEqualTo("stop");
    }
  }

  private static String reason(String path, String body, boolean stream) throws Exception {
    List<String> replies =
        stream ? served.events(path, body) : List.of(served.post(path, body).body(), "");
    return Served.json(replies.get(replies.size() - 2))
        .get("choices")
        .get(0)
        .get("finish_reason")
        .string();
  }

  @Test
  void textsBecomeTokensAndBack() throws Exception {
    Json tokens = Served.json(served.post("/tokenize", "{\"content\": \"A cow.\"}").body());
    assertThat(tokens.get("tokens").list().stream().mapToInt(t -> (int) t.integer()).toArray())
        .isEqualTo(llada.tokenize("A cow."));
    String ids = Arrays.toString(llada.tokenize("A cow."));
    Json text = Served.json(served.post("/detokenize", "{\"tokens\": " + ids + "}").body());
    assertThat(text.get("content").string()).isEqualTo("A cow.");
  }

  @Test
  void modelsHealthAndMetricsAreTold() throws Exception {
    assertThat(Served.json(served.get("/health").body()).get("status").string()).isEqualTo("ok");
    Json models = Served.json(served.get("/v1/models").body());
    assertThat(models.get("data").get(0).get("id").string()).isEqualTo("demo");
    Json one = Served.json(served.get("/v1/models/demo").body());
    assertThat(one.map()).isEqualTo(models.get("data").get(0).map());
    assertThat(served.get("/v1/models/other").statusCode()).isEqualTo(404);
    chat(STORY);
    assertThat(served.get("/metrics").body())
        .contains("# TYPE llada_answers_total counter")
        .containsPattern("llada_useful_tokens_total [1-9]")
        .contains("llada_open{model=\"demo\"} 0");
  }
}
