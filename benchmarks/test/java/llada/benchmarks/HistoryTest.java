package llada.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** JMH's results become lines, one for each commit, machine and op, and the lines a picture. */
final class HistoryTest {
  private static final String RESULTS =
      """
      [{"benchmark": "llada.benchmarks.MatmulBenchmark.matmul",
        "params": {"backend": "vector", "tokens": "32"}, "primaryMetric": {"score": %s}},
       {"benchmark": "llada.benchmarks.TokenizerBenchmark.encode", "primaryMetric": {"score": 7}}]
      """;

  @Test
  void aLineForEachCommitMachineAndOp(@TempDir Path folder) throws Exception {
    Path results = folder.resolve("results.json");
    Path history = folder.resolve("history.jsonl");
    Files.writeString(results, RESULTS.formatted("12.5"));
    History.append(results, history, "abc", "a machine");
    Files.writeString(results, RESULTS.formatted("11.5"));
    History.append(results, history, "def", "a machine");
    assertThat(Files.readAllLines(history))
        .hasSize(4)
        .first()
        .isEqualTo(
            "{\"commit\":\"abc\",\"machine\":\"a machine\","
                + "\"op\":\"Matmul.matmul backend=vector tokens=32\",\"us\":12.5}");
    Path svg = folder.resolve("history.svg");
    History.plot(history, svg, "Matmul");
    assertThat(svg).content().contains("Matmul.matmul backend=vector tokens=32", "abc, def");
    assertThatThrownBy(() -> History.plot(history, svg, "Rope"))
        .hasMessageContaining("0 ops match");
  }

  @Test
  void addBiasIsCheckedLikeTheOthers() {
    AddBiasBenchmark addBias = new AddBiasBenchmark();
    addBias.setup();
    assertThat(addBias.addBias().dim(0)).isEqualTo(256);
    addBias.close();
  }
}
