package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** SIGTERM with a request that waits behind another, and files of keys from other systems. */
@Timeout(240)
final class ServeStopsTest {
  @TempDir private Path folder;

  /** A connection on which something was asked. */
  private static Socket asks(URI url, String head, String body) throws IOException {
    Socket socket = new Socket(url.getHost(), url.getPort());
    OutputStream out = socket.getOutputStream();
    out.write(
        "%s HTTP/1.0\r\nHost: localhost\r\nContent-Length: %d\r\n%s\r\n\r\n%s"
            .formatted(head, body.length(), "Authorization: Bearer key", body)
            .getBytes(StandardCharsets.UTF_8));
    return socket;
  }

  private static String rest(Socket socket) throws IOException {
    return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  /** What the running and the waiting request are told when the server is told to stop. */
  private List<String> terminated(int tokens, String drain) throws Exception {
    Process process =
        ServeTest.serve(
            Files.writeString(folder.resolve("keys"), "key\n"),
            "--parallel",
            "1",
            "--drain",
            drain);
    try (BufferedReader told =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      URI url = URI.create(ServeTest.url(told));
      String body = "{\"prompt\": \"ROMEO:\", \"max_tokens\": %d, \"seed\": 1%s}";
      String post = "POST /v1/completions";
      String stream = ", \"stream\": true, \"diffusing\": true";
      try (Socket running = asks(url, post, body.formatted(tokens, stream))) {
        InputStream in = running.getInputStream();
        StringBuilder begun = new StringBuilder();
        while (!begun.toString().contains("data: ")) {
          int next = in.read();
          assertThat(next).as(begun.toString()).isNotNegative();
          begun.append((char) next);
        }
        try (Socket waiting = asks(url, post, body.formatted(8, ""))) {
          String metrics = "";
          while (!metrics.contains("llada_waiting{model=\"small\"} 1\n")) {
            assertThat(metrics).as("it still runs").doesNotContain("open{model=\"small\"} 0");
            try (Socket asked = asks(url, "GET /metrics", "")) {
              metrics = rest(asked);
            }
          }
          process.destroy(); // SIGTERM
          List<String> all = List.of(begun + rest(running), rest(waiting));
          assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
          assertThat(process.exitValue()).as("128 + SIGTERM").isEqualTo(143);
          return all;
        }
      }
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void whatWaitsIsAnsweredToo() throws Exception {
    List<String> told = terminated(100, "60");
    assertThat(told.getFirst()).endsWith("data: [DONE]\n\n").doesNotContain("error");
    assertThat(told.getLast()).startsWith("HTTP/1.1 200").contains("\"finish_reason\"");
  }

  @Test
  void orIsToldThatItIsNot() throws Exception {
    List<String> told = terminated(200, "0");
    assertThat(told.getFirst()).contains("shutting_down").endsWith("data: [DONE]\n\n");
    assertThat(told.getLast()).startsWith("HTTP/1.1 503").contains("\"code\":\"shutting_down\"");
  }

  @Test
  void keysMayComeFromOtherSystems() throws Exception {
    Path keys = folder.resolve("keys");
    Files.writeString(keys, "\uFEFFfirst\r\n\r\n\tkey \r\n \r\nlast");
    Process process = ServeTest.serve(keys);
    try (BufferedReader told =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      URI url = URI.create(ServeTest.url(told));
      for (String key : List.of("first", "key", "last", "", "\uFEFFfirst", "first\t")) {
        String known = List.of("first", "key", "last").contains(key.strip()) ? "200" : "401";
        String head =
            "GET /v1/models HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n"
                .formatted(key);
        try (Socket socket = new Socket(url.getHost(), url.getPort())) {
          socket.getOutputStream().write(head.getBytes(StandardCharsets.UTF_8));
          assertThat(rest(socket)).as("'%s'", key).startsWith("HTTP/1.1 " + known);
        }
      }
    } finally {
      process.destroyForcibly();
    }
  }
}
