package llada.experiments;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import llada.backend.Backends;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every experiment runs to its report at the smallest size. */
final class TinyRunTest {
  @TempDir Path folder;

  static Stream<String> names() {
    return Experiments.ALL.stream().map(Experiment::name);
  }

  @ParameterizedTest
  @MethodSource("names")
  void runsToItsReport(String name) throws Exception {
    Experiment experiment =
        Experiments.ALL.stream().filter(e -> e.name().equals(name)).findFirst().orElseThrow();
    Path poems = folder.resolve("poems.json");
    Files.writeString(
        poems,
        """
        [{"first": "abc", "second": "def"}, {"first": "ghi", "second": "jkl"},
         {"first": "abcd", "second": "efgh"}, {"first": "ijkl", "second": "mnop"}]
        """);
    Lab lab =
        new Lab(
            folder,
            Size.TINY,
            1,
            2,
            new Experiment.Inputs(poems),
            2,
            () -> Backends.choose("vector", 1),
            _ -> {});
    Report report = lab.run(experiment);
    assertThat(report.findings()).isNotEmpty();
    Path own = folder.resolve(name);
    List<String> lines = Files.readAllLines(own.resolve("results.csv"));
    assertThat(lines.getFirst()).isEqualTo(Results.HEADER);
    assertThat(lines.subList(1, lines.size()))
        .isNotEmpty()
        .allMatch(line -> line.split(",", -1).length == 5)
        .noneMatch(line -> line.endsWith("NaN") || line.endsWith("Infinity"));
    for (Job job : experiment.jobs(Size.TINY, List.of(1L, 2L), lab.inputs())) {
      assertThat(Results.open(own.resolve("results.csv")).has(job.arm(), job.seed())).isTrue();
    }
    String text = Files.readString(own.resolve("report.md"));
    assertThat(text).contains("**The paper:**", "| claim | figure seen | agrees |", ".svg)");
    assertThat(own.resolve("config.json")).content().contains("\"size\": \"tiny\"");
    try (Stream<Path> files = Files.list(own)) {
      List<String> made = files.map(f -> f.getFileName().toString()).toList();
      assertThat(made).anyMatch(f -> f.endsWith(".svg")).anyMatch(f -> f.endsWith(".png"));
    }
  }
}
