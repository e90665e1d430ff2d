package llada.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import llada.Golden;
import llada.api.Request;
import llada.format.Json;
import llada.tokenizer.ChatTemplate.Message;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Clients that are programs of their own: Node with OpenAI's package, and curl. */
@Timeout(300)
final class ServerProgramsTest extends OneServer {
  private static final String PACKAGE = "openai@6.30.1"; // whose dependencies are none
  private static final String QUESTION = "Tell me a story about Mia.";

  @TempDir private Path folder;

  /** What a program says, which must end well; skips where there is no such program. */
  private String said(List<String> command) throws Exception {
    Path out = folder.resolve("out");
    Process process;
    try {
      process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(out.toFile())
              .start();
    } catch (IOException e) {
      abort("no %s on the PATH: that client is not tested".formatted(command.getFirst()));
      return "";
    }
    try {
      assertThat(process.waitFor(150, TimeUnit.SECONDS)).as(command + " ends").isTrue();
    } finally {
      process.destroyForcibly();
    }
    String said = Files.readString(out);
    assertThat(process.exitValue()).as(said).isZero();
    return said;
  }

  /** A folder with OpenAI's package, which is fetched once; skips where that cannot be. */
  private Path withPackage() throws Exception {
    Path target = Golden.repository().resolve("src/server/target/node");
    if (!Files.isDirectory(target.resolve("node_modules/openai"))) {
      Files.createDirectories(target);
      said(List.of("node", "--version"));
      String[] npm = {
        "npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE
      };
      try {
        Process process =
            new ProcessBuilder(npm)
                .directory(target.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("npm").toFile())
                .start();
        boolean fetched = process.waitFor(90, TimeUnit.SECONDS) && process.exitValue() == 0;
        process.destroyForcibly();
        assumeTrue(fetched, "npm cannot fetch OpenAI's package: that client is not tested");
      } catch (IOException e) {
        abort("no npm on the PATH: OpenAI's package for Node is not tested");
      }
    }
    return target;
  }

  @Test
  void openAisPackageForNode() throws Exception {
    Path script = withPackage().resolve("client.mjs");
    Files.writeString(
        script, Files.readString(Golden.repository().resolve("src/server/test/node/client.mjs")));
    String alone =
        llada.generate(Request.of(List.of(new Message("user", QUESTION))).chat().seed(7)).text();
    try (Served keyed = Served.keyed(llada, "right");
        Served busy = Served.busy(llada)) {
      String said =
          said(
              List.of(
                  "node",
                  script.toString(),
                  served.uri("/v1").toString(),
                  keyed.uri("/v1").toString(),
                  busy.uri("/v1").toString()));
      Json seen = Served.json(said);
      assertThat(seen.get("whole").string()).isEqualTo(alone);
      assertThat(seen.get("streamed").string()).isEqualTo(alone);
      assertThat(seen.get("final").string()).isEqualTo(alone);
      assertThat(seen.get("finish").string()).isEqualTo("stop");
      assertThat(seen.get("usage").integer(1, 1000)).isPositive();
      for (String bad : List.of("bad", "badStream")) {
        told(seen.get(bad), "BadRequestError", 400, "unsupported_parameter");
        assertThat(seen.get(bad).get("param").string()).isEqualTo("presence_penalty");
      }
      told(seen.get("unknown"), "NotFoundError", 404, "model_not_found");
      told(seen.get("stranger"), "AuthenticationError", 401, "invalid_api_key");
      assertThat(seen.get("friend").isNull()).isTrue();
      told(seen.get("late"), "RateLimitError", 429, "queue_full");
      assertThat(seen.get("late").get("retryAfter").string()).isEqualTo("1");
    }
    served.await("llada_requests_total{status=\"499\"} 1");
    served.await("llada_open{model=\"demo\"} 0");
  }

  private static void told(Json error, String kind, int status, String code) {
    assertThat(error.get("kind").string()).isEqualTo(kind);
    assertThat(error.get("status").integer(0, 999)).isEqualTo(status);
    assertThat(error.get("code").string()).isEqualTo(code);
  }

  private String curl(Served server, String path, String body, String... more) throws Exception {
    List<String> command =
        new java.util.ArrayList<>(List.of("curl", "-sS", "-N", server.uri(path).toString()));
    command.addAll(List.of(more));
    command.addAll(List.of("-d", body));
    return said(command);
  }

  @Test
  void curl() throws Exception {
    String chat = "/v1/chat/completions";
    String ask =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"%s\"}], \"seed\": 7, \"stream\": true%s}";
    String alone =
        llada.generate(Request.of(List.of(new Message("user", QUESTION))).chat().seed(7)).text();
    String streamed = curl(served, chat, ask.formatted(QUESTION, ""));
    assertThat(streamed).startsWith("data: {").endsWith("data: [DONE]\n\n");
    StringBuilder text = new StringBuilder();
    for (String event : streamed.replace("data: [DONE]\n\n", "").split("\n\n")) {
      Json delta = Served.json(event.substring(6)).get("choices").get(0).get("delta");
      text.append(delta.get("content").isNull() ? "" : delta.get("content").string());
    }
    assertThat(text).hasToString(alone);
    String wrong = curl(served, chat, ask.formatted("a", ", \"temperature\": -1"), "-i");
    assertThat(wrong).startsWith("HTTP/1.1 400").contains("\"param\":\"temperature\"");
    try (Served keyed = Served.keyed(llada, "right")) {
      String key = "Authorization: Bearer %s";
      String body = "{\"content\": \"a\"}";
      assertThat(curl(keyed, "/tokenize", body, "-i", "-H", key.formatted("wrong")))
          .startsWith("HTTP/1.1 401");
      assertThat(curl(keyed, "/tokenize", body, "-i", "-H", key.formatted("right")))
          .startsWith("HTTP/1.1 200");
    }
    try (Served busy = Served.busy(llada)) {
      assertThat(curl(busy, chat, ask.formatted("a", ""), "-i"))
          .startsWith("HTTP/1.1 429")
          .contains("Retry-After: 1");
    }
  }

  /** Dies without a word to the other side. */
  @Test
  void aClientThatIsKilledEndsItsAnswer() throws Exception {
    try (Served own = Served.with(llada, o -> o)) {
      Process curl;
      try {
        curl =
            new ProcessBuilder(
                    "curl",
                    "-sS",
                    "-N",
                    own.uri("/v1/completions").toString(),
                    "-d",
                    "{\"prompt\": \"Once\", \"max_tokens\": 400, \"stream\": true}")
                .redirectOutput(folder.resolve("killed").toFile())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
      } catch (IOException e) {
        abort("no curl on the PATH");
        return;
      }
      own.await("llada_open{model=\"demo\"} 1");
      curl.destroyForcibly().waitFor(); // SIGKILL
      own.await("llada_requests_total{status=\"499\"} 1");
      own.await("llada_open{model=\"demo\"} 0");
      assertThat(own.get("/metrics").body()).contains("llada_answers_total 0");
    }
  }
}
