package llada.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import llada.api.Request;
import llada.format.Json;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What may be asked: all that is wrong is told in OpenAI's form, naming the parameter. */
final class RequestsTest extends OneServer {
  private static final String MESSAGES =
      "\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]";

  private static void refused(String path, String param, String body) throws Exception {
    HttpResponse<String> reply = served.post(path, body);
    assertThat(reply.statusCode()).as(body).isEqualTo(400);
    Json error = Served.json(reply.body()).get("error");
    assertThat(error.get("type").string()).isEqualTo("invalid_request_error");
    assertThat(error.get("param").value()).as(body).isEqualTo(param);
    assertThat(error.get("message").string()).isNotBlank().doesNotContain("\n");
  }

  @Test
  void whatCannotBeDoneIsRefusedByName() throws Exception {
    List<List<String>> wrong =
        List.of(
            List.of("tools", "[{\"type\": \"function\"}]"),
            List.of("functions", "[{}]"),
            List.of("tool_choice", "\"required\""),
            List.of("logit_bias", "{\"5\": 1}"),
            List.of("frequency_penalty", "0.5"),
            List.of("presence_penalty", "-1"),
            List.of("response_format", "{\"type\": \"json_schema\"}"),
            List.of("top_logprobs", "3"),
            List.of("temperature", "-1"),
            List.of("temperature", "\"hot\""),
            List.of("temperature", "1e999"),
            List.of("top_p", "0"),
            List.of("top_k", "1.5"),
            List.of("seed", "0.5"),
            List.of("n", "0"),
            List.of("n", "1000"),
            List.of("max_tokens", "0"),
            List.of("max_completion_tokens", "-4"),
            List.of("stop", "\"\""),
            List.of("stop", "[1]"),
            List.of("stream", "1"),
            List.of("stream_options", "[]"),
            List.of("diffusion", "\"fast\""),
            List.of("diffusion.cache", "\"none at all\""),
            List.of("diffusion.commit", "\"threshold=much\""),
            List.of("diffusion.preset", "\"warp\""),
            List.of("diffusion.remasking", "\"none\""),
            List.of("diffusion.steps", "0"),
            List.of("diffusion.cfg_scale", "-1"),
            List.of("diffusion.repetition_penalty", "\"a\""));
    for (List<String> one : wrong) {
      String name = one.getFirst();
      boolean inner = name.startsWith("diffusion.");
      String member = "\"%s\": %s".formatted(inner ? name.substring(10) : name, one.getLast());
      String body =
          "{%s, %s}".formatted(MESSAGES, inner ? "\"diffusion\": {" + member + "}" : member);
      // A number that JSON cannot hold is wrong before any name is known.
      refused("/v1/chat/completions", one.getLast().equals("1e999") ? null : name, body);
    }
  }

  @Test
  void promptsAreChecked() throws Exception {
    String chat = "/v1/chat/completions";
    refused(chat, "messages", "{}");
    refused(chat, "messages", "{\"messages\": \"Hello\"}");
    refused(chat, "messages", "{\"messages\": []}");
    refused(chat, "messages", "{\"messages\": [{\"role\": \"tool\", \"content\": \"a\"}]}");
    refused(chat, "messages", "{\"messages\": [{\"role\": \"user\"}]}");
    refused(
        chat,
        "messages",
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}");
    refused(chat, "messages", "{" + MESSAGES + ", \"max_tokens\": 100000}");
    refused(
        chat,
        "max_tokens",
        "{%s, \"max_tokens\": 50, \"diffusion\": {\"block_length\": 32}}".formatted(MESSAGES));
    refused(
        chat,
        "diffusion.steps",
        "{%s, \"max_tokens\": 64, \"diffusion\": {\"block_length\": 32, \"steps\": 33}}"
            .formatted(MESSAGES));
    refused("/v1/completions", "prompt", "{}");
    refused("/v1/completions", "prompt", "{\"prompt\": [99999999]}");
    refused("/v1/completions", "prompt", "{\"prompt\": [\"a\", \"b\"]}");
    refused("/v1/completions", "best_of", "{\"prompt\": \"a\", \"best_of\": 2}");
    refused("/v1/completions", "logprobs", "{\"prompt\": \"a\", \"logprobs\": 5}");
    refused("/v1/infill", "text", "{\"text\": \"no gap\"}");
    refused("/v1/infill", "text", "{\"text\": \"a { b\"}");
    refused("/v1/infill", "text", "{\"text\": \"a {100000} b\"}");
    refused("/tokenize", "text", "{}");
    refused("/detokenize", "tokens", "{\"tokens\": [-1]}");
    refused(chat, null, "not JSON");
    refused(chat, null, "[]");
    refused(chat, null, "");
  }

  @Test
  void whatChangesNothingIsIgnored() throws Exception {
    String extras =
        ", \"tools\": [], \"tool_choice\": \"none\", \"logit_bias\": {}, \"frequency_penalty\": 0,"
            + " \"presence_penalty\": 0.0, \"response_format\": {\"type\": \"text\"}, \"user\": \"me\","
            + " \"top_logprobs\": null, \"max_tokens\": 8, \"store\": false, \"no such\": [1, {}]";
    assertThat(served.post("/v1/chat/completions", "{" + MESSAGES + extras + "}").statusCode())
        .isEqualTo(200);
  }

  @Test
  void unknownModelsPathsAndMethodsAreTold() throws Exception {
    HttpResponse<String> model =
        served.post("/v1/chat/completions", "{\"model\": \"gpt\", " + MESSAGES + "}");
    assertThat(model.statusCode()).isEqualTo(404);
    assertThat(Served.json(model.body()).get("error").get("code").string())
        .isEqualTo("model_not_found");
    assertThat(served.post("/v1/nothing", "{}").statusCode()).isEqualTo(404);
    assertThat(served.get("/v1/chat/completions").statusCode()).isEqualTo(405);
    assertThat(
            served
                .send(
                    java.net.http.HttpRequest.newBuilder(served.uri("/tokenize")).DELETE().build())
                .statusCode())
        .isEqualTo(405);
  }

  /** Bodies that are nearly right: read into a request, or refused as the client's mistake. */
  private static void fuzz(long seed, int count) {
    String[] values = {
      "null",
      "0",
      "-1",
      "1",
      "64",
      "1e9",
      "0.5",
      "true",
      "false",
      "\"\"",
      "\"a\"",
      "[]",
      "{}",
      "[1]",
      "[\"a\"]",
      "\"fast\"",
      "\"dual\"",
      "\"threshold=0.9\"",
      "9223372036854775808",
      "[[]]",
      "{\"type\": \"text\"}",
      "[{\"role\": \"user\", \"content\": \"a\"}]",
      "{\"steps\": 0}",
      "{\"cache\": \"dkv=0\"}",
      "{\"preset\": \"variable\", \"commit\": \"quota\"}",
      "\"\\ud800\""
    };
    String[] names = {
      "messages",
      "prompt",
      "suffix",
      "model",
      "max_tokens",
      "max_completion_tokens",
      "temperature",
      "top_p",
      "top_k",
      "seed",
      "stop",
      "n",
      "logprobs",
      "stream",
      "stream_options",
      "diffusion",
      "tools",
      "logit_bias",
      "response_format",
      "text",
      "steps",
      "cache",
      "commit",
      "preset",
      "block_length",
      "remasking",
      "cfg_scale"
    };
    Random random = new Random(seed);
    int read = 0;
    for (int i = 0; i < count; i++) {
      StringBuilder body = new StringBuilder("{").append(MESSAGES);
      for (int m = random.nextInt(5); m > 0; m--) {
        String member =
            "\"%s\": %s"
                .formatted(
                    names[random.nextInt(names.length)], values[random.nextInt(values.length)]);
        body.append(", ")
            .append(random.nextInt(3) > 0 ? member : "\"diffusion\": {" + member + "}");
      }
      byte[] bytes = body.append('}').toString().getBytes(StandardCharsets.UTF_8);
      if (random.nextInt(4) == 0) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      try {
        Wishes wishes = new Wishes(Fields.of(bytes));
        Request request =
            Wishes.checked("messages", () -> wishes.over(Request.of(wishes.messages()).chat()));
        wishes.choices();
        wishes.logprobs();
        wishes.stream();
        wishes.usage();
        wishes.diffusing();
        assertThat(request).isNotNull();
        read++;
      } catch (ApiException e) {
        assertThat(e.status()).isEqualTo(400);
      } catch (RuntimeException e) {
        throw new AssertionError("seed %d, %s".formatted(seed, body), e);
      }
    }
    assertThat(read).isGreaterThan(count / 20);
  }

  @Test
  void theParserIsFuzzed() {
    fuzz(1, 20_000);
  }

  @Test
  @Tag("nightly")
  void theParserIsFuzzedForLong() {
    for (int seed = 2; seed < 200; seed++) {
      fuzz(seed, 20_000);
    }
  }

  @Test
  void textsAreHeldBackUntilTheyAreSure() {
    StreamText text = new StreamText(List.of("STOP"), true);
    assertThat(text.next(" ", false).isEmpty()).isTrue();
    assertThat(text.next("<thi", false).isEmpty()).isTrue();
    assertThat(text.next("<think>Why", false)).isEqualTo(new StreamText.Split("Why", ""));
    assertThat(text.next("<think>Why not</th", false)).isEqualTo(new StreamText.Split(" not", ""));
    assertThat(text.next("<think>Why not</think>\n\nSo S", false))
        .isEqualTo(new StreamText.Split("", "So "));
    assertThat(text.next("<think>Why not</think>\n\nSo STill \uFFFD", false))
        .isEqualTo(new StreamText.Split("", "STill "));
    assertThat(text.next("<think>Why not</think>\n\nSo STill \u00e9 ST", true))
        .isEqualTo(new StreamText.Split("", "\u00e9 ST"));
    assertThat(StreamText.split("no <think> here"))
        .isEqualTo(new StreamText.Split("", "no <think> here"));
    assertThatThrownBy(() -> Fields.of(new byte[0])).isInstanceOf(ApiException.class);
  }
}
