package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import llada.format.Sha256;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From a hub to an answer: what {@code pull} brings is found by {@code --model}. */
final class PullCommandTest {
  @TempDir Path store;

  private CliRun run(String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    RootCommand root =
        new RootCommand(
            new CommandContext(
                Console.of(InputStream.nullInputStream(), out, err),
                Map.of("LLADA_MODELS", store.toString())));
    int code = Main.commandLine(root).execute(args);
    root.context().console().flush();
    return new CliRun(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Serves the repository's small model, every file with its SHA-256. */
  private static HttpServer hub() throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    Map<String, byte[]> files;
    try (Stream<Path> all = Files.list(CliRun.model())) {
      files =
          all.filter(Files::isRegularFile)
              .collect(Collectors.toMap(f -> f.getFileName().toString(), PullCommandTest::read));
    }
    String siblings =
        files.entrySet().stream()
            .map(
                file ->
                    "{\"rfilename\": \"%s\", \"size\": %d, \"lfs\": {\"sha256\": \"%s\"}}"
                        .formatted(file.getKey(), file.getValue().length, sha256(file.getValue())))
            .collect(Collectors.joining(", "));
    String listing = "{\"sha\": \"%s\", \"siblings\": [%s]}".formatted("ab".repeat(20), siblings);
    server.createContext(
        "/",
        exchange -> {
          String path = exchange.getRequestURI().getPath();
          byte[] bytes =
              path.equals("/api/models/acme/bard/revision/v1")
                  ? listing.getBytes(StandardCharsets.UTF_8)
                  : files.get(path.substring(path.lastIndexOf('/') + 1));
          exchange.sendResponseHeaders(bytes == null ? 404 : 200, bytes == null ? -1 : 0);
          if (bytes != null) {
            exchange.getResponseBody().write(bytes);
          }
          exchange.close();
        });
    server.start();
    return server;
  }

  private static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static String sha256(byte[] bytes) {
    MessageDigest digest = Sha256.digest();
    return HexFormat.of().formatHex(digest.digest(bytes));
  }

  @Test
  void fromAHubToAnAnswer() throws IOException {
    HttpServer hub = hub();
    try {
      String url = "http://127.0.0.1:" + hub.getAddress().getPort();
      CliRun missing = run("pull", "acme/other", "--endpoint", url);
      assertThat(missing.code()).isEqualTo(ExitCodes.BAD_FILE);
      assertThat(missing.err()).contains("acme/other: 127.0.0.1 answers 404", "check the name");

      Path folder = store.resolve("acme/bard@v1");
      CliRun first = run("pull", "acme/bard@v1", "--endpoint", url);
      assertThat(first.err()).startsWith("llada: acme/bard@v1: brought and checked");
      assertThat(first.code()).isEqualTo(ExitCodes.OK);
      assertThat(first.out()).isEqualTo(folder + "\n");
      CliRun second = run("pull", "acme/bard@v1", "--endpoint", url, "-q");
      assertThat(second.err()).contains("acme/bard@v1 is there already, whole");
      assertThat(second.out()).isEqualTo(folder + "\n");
    } finally {
      hub.stop(0);
    }
    String[] ask = {"generate", "--steps", "4", "--gen-length", "8", "ROMEO:", "--model", ""};
    ask[ask.length - 1] = CliRun.model().toString();
    CliRun own = run(ask);
    for (String name : new String[] {"acme/bard@v1", "bard@v1"}) {
      ask[ask.length - 1] = name;
      CliRun pulled = run(ask);
      assertThat(pulled.code()).as(pulled.err()).isEqualTo(ExitCodes.OK);
      assertThat(pulled.out()).isNotBlank().isEqualTo(own.out());
    }
    assertThat(run("info", "--model", "acme/bard@v1/config.json").code())
        .isEqualTo(ExitCodes.BAD_FILE);
  }

  @Test
  void aMissingModelSaysHowToGetIt() {
    String rule = ": there is no such file or folder; give a Hugging Face folder or a GGUF file; ";
    for (String[] names :
        new String[][] {
          {"acme/bard", "acme/bard"},
          {"LLaDA-8B-Instruct", "GSAI-ML/LLaDA-8B-Instruct"},
          {"LLaDA2.1-mini", "inclusionAI/LLaDA2.1-mini"},
          {"model.gguf", "OWNER/MODEL"},
          {"/no/such/model.gguf", "OWNER/MODEL"},
        }) {
      CliRun run = run("generate", "--model", names[0], "Hello");
      assertThat(run.code()).isEqualTo(ExitCodes.BAD_FILE);
      assertThat(run.err())
          .isEqualTo(
              "llada: " + names[0] + rule + "llada pull " + names[1] + " brings one from a hub\n");
    }
    assertThat(run("serve", "--model", "a=acme/bard").err()).contains("llada pull acme/bard");
    assertThat(run("check-model", "acme/bard").err()).contains("acme/bard");
  }

  @Test
  void whatIsNoModelOrTokenIsAUsageError() throws IOException {
    assertThat(run("pull", "bard").code()).isEqualTo(ExitCodes.USAGE);
    assertThat(run("pull", "../bard").err()).contains("'../bard' is no model of a hub");
    Path token = Files.writeString(store.resolve("token"), "two words\n");
    assertThat(run("pull", "a/b", "--token-file", token.toString()).err())
        .contains("--token-file", "holds no token");
    assertThat(run("pull", "a/b", "--token-file", "none.txt").code()).isEqualTo(ExitCodes.BAD_FILE);
  }
}
