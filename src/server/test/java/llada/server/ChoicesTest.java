package llada.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import llada.api.Answer;
import llada.api.Request;
import llada.format.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several choices, stop texts and confidences in all their combinations; what paths take. */
@Timeout(240)
final class ChoicesTest extends OneServer {
  private static final String CHAT = "/v1/chat/completions";
  private static final String STORY = "Tell me a story about Mia.";
  private static final String MESSAGES =
      "\"messages\": [{\"role\": \"user\", \"content\": \"" + STORY + "\"}]";

  /**
   * What a choice says, whole or put together from its parts.
   *
   * @param tokens those of its logprobs
   */
  private record Said(String text, String reason, List<String> tokens) {}

  private static List<Said> said(String body, int choices, boolean stream) throws Exception {
    List<Json> parts = new ArrayList<>();
    if (stream) {
      List<String> events = served.events(CHAT, "{%s, \"stream\": true}".formatted(body));
      assertThat(events.removeLast()).isEqualTo("[DONE]");
      events.forEach(event -> parts.addAll(Served.json(event).get("choices").list()));
    } else {
      HttpResponse<String> reply = served.post(CHAT, "{" + body + "}");
      parts.addAll(Served.json(reply.body()).get("choices").list());
    }
    List<Said> all = new ArrayList<>();
    for (int i = 0; i < choices; i++) {
      StringBuilder text = new StringBuilder();
      String reason = "";
      List<String> tokens = new ArrayList<>();
      for (Json part : parts) {
        if (part.get("index").integer() == i) {
          Json content = part.get(stream ? "delta" : "message").get("content");
          text.append(content.value() == null ? "" : content.string());
          Json end = part.get("finish_reason");
          reason = end.value() == null ? reason : end.string();
          Json logprobs = part.get("logprobs");
          if (logprobs.value() != null) {
            logprobs.get("content").list().forEach(t -> tokens.add(t.get("token").string()));
          }
        }
      }
      all.add(new Said(text.toString(), reason, tokens));
    }
    return all;
  }

  @Test
  void eachEndsAtItsOwnStopText() throws Exception {
    String body =
        MESSAGES + ", \"seed\": 7, \"temperature\": 1, \"n\": 4, \"stop\": [\"e.\", \"y \"]";
    List<Answer> alone =
        IntStream.range(0, 4)
            .mapToObj(i -> Request.of(STORY).chat().seed(7 + i).temperature(1).stop("e.", "y "))
            .map(llada::generate)
            .toList();
    assertThat(alone).extracting(Answer::text).doesNotHaveDuplicates();
    for (boolean stream : List.of(false, true)) {
      List<Said> choices = said(body, 4, stream);
      for (int i = 0; i < 4; i++) {
        assertThat(choices.get(i).text()).isEqualTo(alone.get(i).text());
        assertThat(choices.get(i).reason()).isEqualTo("stop");
      }
    }
  }

  @Test
  void aStopTextMayLieAcrossTheBorderOfBlocks() throws Exception {
    for (String decoder : List.of("\"preset\": \"exact\"", "\"preset\": \"fast\"")) {
      String body =
          "%s, \"seed\": 7, \"max_tokens\": 32, \"diffusion\": {\"block_length\": 8, %s}"
              .formatted(MESSAGES, decoder);
      List<String> tokens = said(body + ", \"logprobs\": true", 1, false).getFirst().tokens();
      String before = String.join("", tokens.subList(0, 7));
      String border = tokens.get(7) + tokens.get(8);
      String stop = border.substring(1, border.length() - 1);
      String whole = String.join("", tokens);
      assertThat(whole.indexOf(stop)).as("where '%s' is", stop).isEqualTo(before.length() + 1);
      for (boolean stream : List.of(false, true)) {
        Said one = said(body + ", \"stop\": \"" + stop + "\"", 1, stream).getFirst();
        assertThat(one.text()).isEqualTo(whole.substring(0, before.length() + 1));
        assertThat(one.reason()).isEqualTo("stop");
      }
    }
  }

  @Test
  void confidencesOfAStreamAreThoseOfTheWhole() throws Exception {
    String pairs = // two tokens a step, so that a part may end within a stop text
        MESSAGES
            + ", \"seed\": 7, \"logprobs\": true, \"max_tokens\": 32,"
            + " \"diffusion\": {\"preset\": \"exact\", \"block_length\": 2, \"steps\": 16}";
    List<String> tokens = said(pairs, 1, false).getFirst().tokens();
    String stop = tokens.get(9) + tokens.get(10);
    String body = "%s, \"stop\": [\"%s\"]".formatted(pairs, stop);
    List<Said> whole = said(body, 1, false);
    assertThat(whole.getFirst().tokens()).isEqualTo(tokens.subList(0, 9));
    assertThat(said(body, 1, true)).isEqualTo(whole);
    String hot =
        MESSAGES
            + ", \"seed\": 7, \"n\": 2, \"logprobs\": true, \"max_tokens\": 32, \"temperature\": 60";
    assertThat(said(hot, 2, true)).isEqualTo(said(hot, 2, false));
  }

  @Test
  void aStopTextWithHalfACharacterIsRefused() throws Exception {
    for (String stop : List.of("\"\\udc00a\"", "[\"a\", \"b\\ud83d\"]", "\"\"")) {
      HttpResponse<String> reply =
          served.post(CHAT, "{%s, \"stop\": %s}".formatted(MESSAGES, stop));
      assertThat(reply.statusCode()).as(stop).isEqualTo(400);
      assertThat(Served.json(reply.body()).get("error").get("param").string()).isEqualTo("stop");
    }
    assertThat(
            served
                .post(CHAT, "{%s, \"stop\": \"\\ud83d\\ude00\"}".formatted(MESSAGES))
                .statusCode())
        .isEqualTo(200);
  }

  @Test
  void eachChoiceHasItsOwnFills() throws Exception {
    String body = "{\"text\": \"Mia {3} and {4}.\", \"seed\": 3, \"n\": 3, \"temperature\": 2}";
    List<Json> choices = Served.json(served.post("/v1/infill", body).body()).get("choices").list();
    assertThat(choices).extracting(c -> c.get("text").string()).doesNotHaveDuplicates();
    for (Json choice : choices) {
      List<Json> fills = choice.get("fills").list();
      assertThat("Mia" + fills.get(0).string() + " and" + fills.get(1).string() + ".")
          .isEqualTo(choice.get("text").string());
    }
  }

  @Test
  void aStreamTellsItsSeed() throws Exception {
    List<String> events =
        served.events(CHAT, "{%s, \"temperature\": 1, \"stream\": true}".formatted(MESSAGES));
    StringBuilder text = new StringBuilder();
    long seed = Served.json(events.getFirst()).get("seed").integer();
    for (String event : events.subList(0, events.size() - 1)) {
      Json content = Served.json(event).get("choices").get(0).get("delta").get("content");
      text.append(content.value() == null ? "" : content.string());
    }
    assertThat(llada.generate(Request.of(STORY).chat().temperature(1).seed(seed)).text())
        .isEqualTo(text.toString());
  }

  @Test
  void pathsSayWhatTheyTake() throws Exception {
    String got = "GET, HEAD, OPTIONS";
    String posted = "POST, OPTIONS";
    for (List<String> one :
        List.of(
            List.of("GET", CHAT, posted),
            List.of("HEAD", "/v1/infill", posted),
            List.of("PUT", "/tokenize", posted),
            List.of("POST", "/v1/models", got),
            List.of("DELETE", "/v1/models/demo", got),
            List.of("POST", "/health", got),
            List.of("DELETE", "/metrics", got),
            List.of("POST", "/", got),
            List.of("PATCH", "/app.js", got))) {
      HttpResponse<String> reply = send(one.get(0), one.get(1));
      assertThat(reply.statusCode()).as("%s", one).isEqualTo(405);
      assertThat(reply.headers().firstValue("Allow")).as("%s", one).contains(one.get(2));
      HttpResponse<String> options = send("OPTIONS", one.get(1));
      assertThat(options.statusCode()).isEqualTo(204);
      assertThat(options.headers().firstValue("Allow")).contains(one.get(2));
    }
    for (String method : List.of("GET", "POST", "DELETE")) {
      assertThat(send(method, "/nothing").statusCode()).as(method).isEqualTo(404);
    }
  }

  private static HttpResponse<String> send(String method, String path) throws Exception {
    return served.send(
        HttpRequest.newBuilder(served.uri(path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .build());
  }
}
