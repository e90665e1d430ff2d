package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import llada.Golden;
import llada.api.Llada;
import llada.api.Setup;
import llada.server.LladaServer;
import llada.server.ServeOptions;
import org.junit.jupiter.api.Test;

/** A served model with an adapter answers what it answers alone. */
final class ServeAdapterTest {
  private static final String BASE =
      Golden.resources().resolve("gguf/tiny-llada-Q8_0.gguf").toString();
  private static final String ADAPTER =
      Golden.resources().resolve("adapters/everything").toString();

  private static CliRun generate(String... where) {
    String[] ask = {"generate", "-q", "--raw", "--gen-length", "16", "--seed", "3", "ROMEO:"};
    String[] all = java.util.Arrays.copyOf(where, where.length + ask.length);
    System.arraycopy(ask, 0, all, 0, ask.length);
    System.arraycopy(where, 0, all, ask.length, where.length);
    return CliRun.of(all);
  }

  @Test
  void theAnswerIsTheAdaptedOne() throws Exception {
    CliRun alone = generate("--model", BASE, "--backend", "vector");
    CliRun adapted = generate("--model", BASE, "--adapter", ADAPTER, "--backend", "vector");
    assertThat(adapted.code()).as(adapted.toString()).isZero();
    assertThat(adapted.out()).isNotEqualTo(alone.out());
    Setup setup = Setup.DEFAULT.backend("vector");
    try (Llada llada = Llada.open(Path.of(BASE), Optional.of(Path.of(ADAPTER)), setup::start);
        LladaServer server = LladaServer.start(Map.of("tiny", llada), ServeOptions.local())) {
      CliRun asked = generate("--server", "http://127.0.0.1:" + server.port());
      assertThat(asked.out()).as(asked.toString()).isEqualTo(adapted.out());
    }
  }
}
