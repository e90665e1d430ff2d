package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
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

/** SIGTERM while a stream is under way, and files of keys that are none. */
@Timeout(240)
final class ServeSignalsTest {
  @TempDir private Path folder;

  /** What a stream says to its end, when the server is told to stop after its first event. */
  private String terminated(int tokens, String... options) throws Exception {
    Process process = ServeTest.serve(Files.writeString(folder.resolve("keys"), "key\n"), options);
    try (BufferedReader told =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      URI url = URI.create(ServeTest.url(told));
      String body =
          "{\"prompt\": \"ROMEO:\", \"max_tokens\": %d, \"stream\": true, \"diffusing\": true}"
              .formatted(tokens);
      try (Socket socket = new Socket(url.getHost(), url.getPort())) {
        socket
            .getOutputStream()
            .write(
                ("POST /v1/completions HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer key\r\n"
                        + "Content-Length: %d\r\n\r\n%s".formatted(body.length(), body))
                    .getBytes(StandardCharsets.UTF_8));
        InputStream in = socket.getInputStream();
        StringBuilder all = new StringBuilder();
        while (!all.toString().contains("data: ")) {
          int next = in.read();
          assertThat(next).as(all.toString()).isNotNegative();
          all.append((char) next);
        }
        process.destroy(); // SIGTERM
        all.append(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as("128 + SIGTERM").isEqualTo(143);
        return all.toString();
      }
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void aStreamIsFinishedWithinItsTime() throws Exception {
    assertThat(terminated(64)).endsWith("data: [DONE]\n\n").doesNotContain("error");
  }

  @Test
  void orIsToldThatItIsNot() throws Exception {
    assertThat(terminated(200, "--drain", "0"))
        .contains("\"code\":\"shutting_down\"")
        .endsWith("data: [DONE]\n\n");
  }

  @Test
  void whatIsNoFileOfKeysIsToldInOneLine() {
    for (String file : List.of(folder.toString(), "/dev/zero", "/dev/full", "/dev/null")) {
      if (Files.exists(Path.of(file))) {
        CliRun run = CliRun.of("serve", "--port", "0", "--api-key-file", file);
        assertThat(run.code()).as(file).isEqualTo(ExitCodes.BAD_FILE);
        assertThat(run.err().strip()).as(file).contains(file).hasLineCount(1);
      }
    }
  }
}
