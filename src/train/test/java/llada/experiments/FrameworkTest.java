package llada.experiments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import llada.backend.Backends;
import llada.format.FormatException;
import llada.plot.Chart;
import llada.plot.Series;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FrameworkTest {
  @TempDir Path folder;

  @Test
  void intervalsAreStudents() {
    Interval three = Interval.of(1, 2, 3);
    assertThat(three.mean()).isEqualTo(2);
    assertThat(three.half()).isCloseTo(4.302653 / Math.sqrt(3), within(1e-4)); // deviation 1
    assertThat(Interval.of(5).half()).isNaN();
    assertThat(Interval.of(5).toString()).isEqualTo("5.00");
    assertThat(three.toString()).isEqualTo("2.00 ± 2.48");
    assertThat(Interval.of(0.1, 0.1, 0.1).percent()).isEqualTo("10.0 ± 0.0 %");
    // Tables of Student's t: 11, 20, 30, 100 degrees of freedom.
    assertThat(Interval.quantile(11)).isCloseTo(2.2010, within(3e-3));
    assertThat(Interval.quantile(20)).isCloseTo(2.0860, within(5e-4));
    assertThat(Interval.quantile(30)).isCloseTo(2.0423, within(2e-4));
    assertThat(Interval.quantile(100)).isCloseTo(1.9840, within(1e-4));
    assertThat(Interval.of(1, 1.1).below(Interval.of(9, 9.1))).isTrue();
    assertThat(Interval.of(1, 8).below(Interval.of(9, 9.1))).isFalse();
    assertThatThrownBy(Interval::of).hasMessageContaining("no values");
  }

  @Test
  void rowsSurviveTheFile() {
    Path csv = folder.resolve("results.csv");
    Results results = Results.open(csv);
    results.add(
        List.of(
            new Results.Row("a", 1, "loss", "0.5", 1.0 / 3),
            new Results.Row("a", 1, "loss", "2", 7)));
    results.add(List.of(new Results.Row("a", 2, "loss", "2", 9)));
    Results again = Results.open(csv);
    assertThat(again.rows()).isEqualTo(results.rows()).hasSize(3);
    assertThat(again.has("a", 2)).isTrue();
    assertThat(again.has("a", 3)).isFalse();
    assertThat(again.of("a", "loss", "2").mean()).isEqualTo(8);
    assertThat(again.series("name", "a", "loss").points())
        .extracting(Series.Point::x)
        .containsExactly(0.5, 2.0);
    assertThatThrownBy(() -> again.of("a", "loss", "3")).hasMessageContaining("no loss of arm a");
    assertThatThrownBy(() -> new Results.Row("a,b", 1, "m", "", 0)).hasMessageContaining("CSV");
  }

  @Test
  void aBrokenTableIsToldByItsLine() throws Exception {
    Path csv = folder.resolve("results.csv");
    Files.writeString(csv, Results.HEADER + "\na,1,m,,2\na,1,m\n");
    assertThatThrownBy(() -> Results.open(csv))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("line 3 is no row: it has 3 cells");
    Files.writeString(csv, "something else\n");
    assertThatThrownBy(() -> Results.open(csv)).hasMessageContaining("does not begin with arm,");
  }

  /** Two arms whose work is counted, and may fail. */
  private static final class Counting implements Experiment {
    final List<String> tuned = Collections.synchronizedList(new ArrayList<>());
    final List<String> ran = Collections.synchronizedList(new ArrayList<>());
    boolean failing;
    String setting = "1";

    @Override
    public String name() {
      return "counting";
    }

    @Override
    public String title() {
      return "Counting";
    }

    @Override
    public String question() {
      return "Is one **less** than two?";
    }

    @Override
    public String setUp() {
      return "Two numbers.";
    }

    @Override
    public String limits() {
      return "Three.";
    }

    @Override
    public List<Claim> claims(Size size) {
      return List.of(
          new Claim(
              "two > one | <b>",
              "by 1",
              Claim.Rule.superior(Claim.Term.of("two", "value"), Claim.Term.of("one", "value"))));
    }

    @Override
    public Map<String, Tuning.Trial> trials(Size size, Inputs inputs) {
      return Map.of(
          "one",
          (rate, seed, _) -> {
            tuned.add(seed + " " + rate);
            return Math.abs(rate - 0.002);
          });
    }

    @Override
    public Map<String, String> config(Size size, Inputs inputs) {
      return Map.of("setting", setting);
    }

    @Override
    public List<Job> jobs(Setup setup) {
      assertThat(setup.rate("one")).isEqualTo(0.002);
      List<Job> jobs = new ArrayList<>();
      for (long seed : setup.seeds()) {
        for (String arm : List.of("one", "two")) {
          jobs.add(
              new Job(
                  arm,
                  seed,
                  (_, rows) -> {
                    ran.add(arm + seed);
                    if (failing && arm.equals("two") && seed == 2) {
                      throw new IllegalStateException("out of luck");
                    }
                    rows.add("value", arm.equals("one") ? 1 : 2);
                  }));
        }
      }
      return jobs;
    }

    @Override
    public void report(Results results, Report report) {
      Interval one = results.of("one", "value");
      report.heading("Values").text("Some `code`.");
      report.table(List.of("arm", "value"), List.of(List.of("one", one.toString())));
      report.chart(
          "values",
          Chart.bars(
              "values",
              "",
              List.of("one"),
              List.of(Series.line("", List.of(Results.point(0, one))))),
          "As seen.");
    }
  }

  private Lab lab(int workers, int seeds, List<String> progress) {
    return new Lab(
        folder,
        Size.SMALL,
        1,
        seeds,
        Experiment.Inputs.NONE,
        workers,
        () -> Backends.choose("scalar", 1),
        progress::add);
  }

  @Test
  void aRunThatWasCutOffGoesOn() throws Exception {
    Counting experiment = new Counting();
    experiment.failing = true;
    List<String> progress = Collections.synchronizedList(new ArrayList<>());
    assertThatThrownBy(() -> lab(1, 2, progress).run(experiment)).hasMessage("out of luck");
    assertThat(experiment.ran).containsExactly("one1", "two1", "one2", "two2");
    assertThat(folder.resolve("counting/report.md")).doesNotExist();
    experiment.failing = false;
    experiment.ran.clear();
    lab(1, 2, progress).run(experiment);
    assertThat(experiment.ran).containsExactly("two2"); // the others' rows were kept
    assertThat(progress).contains("counting: 3 of 4 jobs are done already");
    assertThat(experiment.tuned).as("each trial once").hasSize(6).allMatch(t -> t.startsWith("90"));
    assertThat(Files.readString(folder.resolve("counting/config.json")))
        .contains("\"learning rate of one\": \"0.002, of [0.001, 0.002, 0.004] by the loss of");
    experiment.ran.clear();
    lab(2, 4, progress).run(experiment); // more seeds: only theirs are made
    assertThat(experiment.ran).containsExactlyInAnyOrder("one3", "two3", "one4", "two4");
    assertThat(Files.readAllLines(folder.resolve("counting/results.csv")))
        .startsWith(Results.HEADER, "one,1,value,,1.0", "two,1,value,,2.0", "one,2,value,,1.0")
        .hasSize(9);
    String report = Files.readString(folder.resolve("counting/report.md"));
    assertThat(report)
        .contains(
            "| two > one \\| <b> | by 1 | interval of the paired difference above 0 (2026-11-29) |",
            "difference 1.00 ± 0.00 | **shown** |",
            "(values.svg)",
            "[1, 2, 3, 4]",
            "| commit of the report |",
            "| processor |",
            "| threads |");
    assertThat(folder.resolve("counting/values.svg")).exists();
    assertThat(folder.resolve("counting/values.png")).exists();
    experiment.setting = "2";
    assertThatThrownBy(() -> lab(1, 2, progress).run(experiment))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("made with other settings");
  }

  @Test
  void allReportsMakeOnePage() throws Exception {
    Path page = Experiments.runAll(lab(1, 1, new ArrayList<>()), List.of(new Counting()));
    assertThat(Files.readString(page))
        .contains(
            "<td>two &gt; one | &lt;b&gt;</td>",
            "Is one <b>less</b> than two?",
            "<code>code</code>")
        .contains("<svg ")
        .doesNotContain("src=");
    assertThat(Files.readString(folder.resolve("summary.md")))
        .contains("| counting | two > one \\| <b> |", "**not shown**");
  }
}
