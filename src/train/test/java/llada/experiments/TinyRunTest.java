package llada.experiments;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
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
    Lab lab =
        new Lab(
            folder,
            Size.TINY,
            1,
            2,
            Experiment.Inputs.NONE,
            2,
            () -> Backends.choose("vector", 1),
            _ -> {});
    Report report = lab.run(experiment);
    assertThat(report.verdicts()).as("the tiny size decides nothing").isEmpty();
    assertThat(experiment.claims(Size.SMALL))
        .isNotEmpty()
        .allMatch(claim -> claim.date().equals(LocalDate.of(2026, 11, 29)))
        .noneMatch(claim -> claim.prediction().isBlank());
    Path own = folder.resolve(name);
    List<String> lines = Files.readAllLines(own.resolve("results.csv"));
    assertThat(lines.getFirst()).isEqualTo(Results.HEADER);
    assertThat(lines.subList(1, lines.size()))
        .isNotEmpty()
        .allMatch(line -> line.split(",", -1).length == 5)
        .noneMatch(line -> line.endsWith("NaN") || line.endsWith("Infinity"));
    String text = Files.readString(own.resolve("report.md"));
    assertThat(text)
        .contains(
            "**Question.**",
            "**Set-up.**",
            "## What it does not show",
            ".svg)",
            "| commit of the report |")
        .contains("there are no verdicts")
        .doesNotContain("| verdict |");
    if (!experiment.trials(Size.TINY, lab.inputs()).isEmpty()) {
      assertThat(own.resolve("config.json")).content().contains("learning rate of ");
    }
    lab.run(experiment); // all is there: only the report is made anew
    assertThat(Files.readAllLines(own.resolve("results.csv"))).isEqualTo(lines);
    assertThat(own.resolve("config.json")).content().contains("\"size\": \"tiny\"");
    try (Stream<Path> files = Files.list(own)) {
      List<String> made = files.map(f -> f.getFileName().toString()).toList();
      assertThat(made).anyMatch(f -> f.endsWith(".svg")).anyMatch(f -> f.endsWith(".png"));
    }
  }
}
