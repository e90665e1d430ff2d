package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import llada.api.DemoModel;
import llada.format.Json;
import llada.format.Sha256;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The report of {@code check-model} on the bundled model, read back. */
final class CheckModelTest {
  @TempDir private Path folder;

  @Test
  void theReportSaysWhatTheModelDoes() throws IOException {
    Path file = DemoModel.file();
    Path report = folder.resolve("report.json");
    CliRun run =
        CliRun.of(
            "check-model", file.toString(), "-o", report.toString(), "--backends", "auto,scalar");
    assertThat(run.code()).as(run.err() + run.out()).isZero();
    Json json = Json.read(report, 1 << 20);
    assertThat(json.get("files").get(0).get("bytes").integer(1, Integer.MAX_VALUE))
        .isEqualTo((int) Files.size(file));
    assertThat(json.get("files").get(0).get("sha256").string()).isEqualTo(Sha256.of(file));
    assertThat(json.get("model").get("architecture").string()).isEqualTo("LLaDAModelLM");
    assertThat(json.get("tokenizer").list()).allMatch(text -> text.get("same").bool());
    assertThat(json.get("logits").map()).containsKey("scalar").hasSizeGreaterThan(1);
    for (String backend : json.get("logits").map().keySet()) {
      assertThat(json.get("logits").get(backend).list())
          .hasSize(3)
          .allMatch(logits -> logits.get("finite").bool())
          .allMatch(logits -> logits.get("best").list().size() == 4);
    }
    assertThat(json.get("answers").list()).hasSize(3);
    assertThat(run.out()).contains("tokens/s").contains(report.toString());
  }

  @Test
  void whatIsNoModelIsOneLine() {
    CliRun run = CliRun.of("check-model", folder.toString(), "-o", folder.resolve("r").toString());
    assertThat(run.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(run.err().lines().toList()).hasSize(1);
  }
}
