package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import llada.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An adapter beside the model that a command looks at, and does not only run. */
final class AdapterOptionTest {
  private static final String BASE =
      Golden.resources().resolve("gguf/tiny-llada-Q8_0.gguf").toString();
  private static final String ADAPTER =
      Golden.resources().resolve("adapters/everything").toString();

  @TempDir Path folder;

  private static CliRun good(String... arguments) {
    CliRun run = CliRun.of(arguments);
    assertThat(run.code()).as(run.toString()).isZero();
    return run;
  }

  @Test
  void whatIsVerifiedIsTheAdaptedModel() {
    String alone = good("verify", BASE, "--backend", "scalar").out();
    String adapted = good("verify", BASE, "--adapter", ADAPTER, "--backend", "scalar").out();
    assertThat(alone).doesNotContain("adapter");
    assertThat(adapted).containsPattern("adapter +ok: \\d+ matrices of it fit, all finite");
    assertThat(alone.lines().filter(line -> line.startsWith("forward")).toList())
        .isNotEqualTo(adapted.lines().filter(line -> line.startsWith("forward")).toList());
  }

  @Test
  void anAdapterOfAnotherModelIsRefused() {
    for (String[] command :
        new String[][] {
          {"verify", CliRun.model().toString()},
          {"diff", CliRun.model().toString(), CliRun.model().toString()},
          {"check-model", CliRun.model().toString(), "-o", folder.resolve("r").toString()}
        }) {
      String[] all = java.util.Arrays.copyOf(command, command.length + 2);
      all[command.length] = "--adapter";
      all[command.length + 1] = ADAPTER;
      CliRun run = CliRun.of(all);
      assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.BAD_FILE);
      assertThat(run.err()).contains("is the adapter of this model?");
    }
  }

  @Test
  void importanceIsThatOfTheAdaptedModel() throws Exception {
    Path text =
        Files.writeString(folder.resolve("text.txt"), "a small text, a big text. ".repeat(90));
    Path alone = folder.resolve("alone.gguf");
    Path adapted = folder.resolve("adapted.gguf");
    String[] common = {"--corpus", text.toString(), "--length", "32", "--pieces", "2"};
    good(
        "imatrix",
        "-m",
        BASE,
        "-o",
        alone.toString(),
        common[0],
        common[1],
        common[2],
        common[3],
        common[4],
        common[5]);
    good(
        "imatrix",
        "-m",
        BASE,
        "-o",
        adapted.toString(),
        common[0],
        common[1],
        common[2],
        common[3],
        common[4],
        common[5],
        "--adapter",
        ADAPTER);
    assertThat(Files.size(adapted)).isEqualTo(Files.size(alone));
    assertThat(Files.mismatch(alone, adapted)).isPositive();
  }

  /** What convert merged is what diff merges; without the adapter it is not the base. */
  @Test
  void differencesAreFromTheMergedModel() {
    String merged = folder.resolve("merged.gguf").toString();
    good("convert", BASE, merged, "--adapter", ADAPTER, "--type", "f32", "-q");
    assertThat(good("diff", merged, BASE, "--adapter", ADAPTER).out())
        .contains("worst relative rmse 0,");
    assertThat(good("diff", merged, BASE).out()).doesNotContain("worst relative rmse 0,");
    assertThat(good("diff", BASE, BASE, "--adapter", ADAPTER).out())
        .doesNotContain("worst relative rmse 0,");
  }

  @Test
  void theReportNamesTheAdapter() throws Exception {
    Path report = folder.resolve("report.json");
    Path alone = folder.resolve("alone.json");
    CliRun.of("check-model", BASE, "-o", alone.toString(), "--backends", "scalar");
    CliRun run =
        CliRun.of(
            "check-model",
            BASE,
            "--adapter",
            ADAPTER,
            "-o",
            report.toString(),
            "--backends",
            "scalar");
    assertThat(report).as(run.toString()).exists();
    assertThat(Files.readString(report)).contains("tiny-llada-Q8_0.gguf", "adapter_config.json");
    assertThat(logits(report)).isNotEqualTo(logits(alone));
  }

  private static String logits(Path report) throws Exception {
    String text = Files.readString(report);
    return text.substring(text.indexOf("\"logits\""), text.indexOf("\"answers\""));
  }
}
