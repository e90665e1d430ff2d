package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import llada.api.Llada;
import llada.format.Json;
import llada.server.LladaServer;
import llada.server.ServeOptions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code serve} as a process, and the commands that ask it. */
@Timeout(180)
final class ServeTest {
  @TempDir private Path folder;

  static Process serve(Path keys, String... more) throws Exception {
    ProcessBuilder java =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            "llada.cli.Main",
            "serve",
            "--port",
            "0",
            "--model",
            "small=" + CliRun.model(),
            "--api-key-file",
            keys.toString());
    java.command().addAll(List.of(more));
    return java.redirectErrorStream(true).start();
  }

  /** Where it says that it serves. */
  static String url(BufferedReader told) throws Exception {
    Pattern serving = Pattern.compile("serving small at (http://127\\.0\\.0\\.1:\\d+/)");
    for (String line = told.readLine(); line != null; line = told.readLine()) {
      Matcher found = serving.matcher(line);
      if (found.find()) {
        return found.group(1);
      }
    }
    throw new AssertionError("it ended before it served");
  }

  @Test
  void answersUntilItIsTerminated() throws Exception {
    Path keys = Files.writeString(folder.resolve("keys"), "first\n\n second \n");
    Process process = serve(keys);
    try (BufferedReader told =
            new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        HttpClient client = HttpClient.newHttpClient()) {
      String url = url(told);
      String body = "{\"prompt\": \"ROMEO:\", \"max_tokens\": 16, \"seed\": 3}";
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(url + "v1/completions"))
              .header("Authorization", "Bearer second")
              .POST(HttpRequest.BodyPublishers.ofString(body))
              .build();
      HttpResponse<String> reply = client.send(request, HttpResponse.BodyHandlers.ofString());
      assertThat(reply.statusCode()).isEqualTo(200);
      CliRun alone =
          CliRun.onModel("generate", "-q", "--gen-length", "16", "--seed", "3", "ROMEO:");
      assertThat(
              Json.parse(reply.body().getBytes(StandardCharsets.UTF_8), "reply")
                      .get("choices")
                      .get(0)
                      .get("text")
                      .string()
                  + "\n")
          .isEqualTo(alone.out().replace("\r", ""));
      curl(url, alone.out().strip());
      process.destroy();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as("128 + SIGTERM").isEqualTo(143);
    } finally {
      process.destroyForcibly();
    }
  }

  /** The oldest client. */
  private static void curl(String url, String text) throws Exception {
    Process curl;
    try {
      curl =
          new ProcessBuilder(
                  "curl",
                  "-sS",
                  "-N",
                  url + "v1/completions",
                  "-H",
                  "Authorization: Bearer first",
                  "-d",
                  "{\"prompt\": \"ROMEO:\", \"max_tokens\": 16, \"seed\": 3, \"stream\": true}")
              .redirectErrorStream(true)
              .start();
    } catch (java.io.IOException e) {
      Assumptions.abort("no curl here");
      return;
    }
    String out = new String(curl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(curl.waitFor()).as(out).isZero();
    assertThat(out).startsWith("data: {").endsWith("data: [DONE]\n\n");
    StringBuilder whole = new StringBuilder();
    for (String event : out.split("\n\n")) {
      if (!event.equals("data: [DONE]")) {
        whole.append(
            Json.parse(event.substring(6).getBytes(StandardCharsets.UTF_8), "event")
                .get("choices")
                .get(0)
                .get("text")
                .string());
      }
    }
    assertThat(whole.toString().strip()).isEqualTo(text);
  }

  @Test
  void otherCommandsAskIt() throws Exception {
    try (Llada model = Llada.demo();
        LladaServer server = LladaServer.start(Map.of("demo", model), ServeOptions.local())) {
      String url = "http://127.0.0.1:" + server.port();
      CliRun local = CliRun.of("generate", "-q", "--seed", "3", "What does a cow say?");
      CliRun asked = CliRun.of("generate", "--server", url, "--seed", "3", "What does a cow say?");
      assertThat(asked.err()).isEmpty();
      assertThat(asked.out()).isEqualTo(local.out());
      CliRun chat =
          CliRun.withInput("What does a cow say?\n/quit\n", "chat", "--server", url, "--seed", "3");
      assertThat(chat.code()).isZero();
      assertThat(chat.out()).isNotBlank();
      CliRun wrong = CliRun.of("generate", "--server", url, "--gen-length", "100000", "a");
      assertThat(wrong.code()).isEqualTo(ExitCodes.USAGE);
      assertThat(wrong.err()).contains("max_sequence_length");
    }
    CliRun nobody = CliRun.of("generate", "--server", "http://127.0.0.1:1", "a");
    assertThat(nobody.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(nobody.err()).contains("does not answer").contains("llada serve");
    assertThat(CliRun.of("generate", "--server", "::", "a").code()).isEqualTo(ExitCodes.USAGE);
  }

  @Test
  void wrongOptionsAreToldBeforeAnythingIsOpened() throws Exception {
    assertThat(CliRun.of("serve", "--port", "70000").code()).isEqualTo(ExitCodes.USAGE);
    assertThat(CliRun.of("serve", "--queue", "0").code()).isEqualTo(ExitCodes.USAGE);
    assertThat(CliRun.of("serve", "--model", "a=x", "--model", "a=y").code())
        .isEqualTo(ExitCodes.USAGE);
    assertThat(CliRun.of("serve", "--api-key-file", folder.resolve("none").toString()).code())
        .isEqualTo(ExitCodes.BAD_FILE);
    Path empty = Files.writeString(folder.resolve("empty"), "\n");
    CliRun run = CliRun.of("serve", "--api-key-file", empty.toString());
    assertThat(run.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(run.err()).contains("has no key");
  }
}
