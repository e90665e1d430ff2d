package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ExperimentsCommandTest {
  @TempDir Path folder;

  @Test
  void listsAndRuns() {
    CliRun list = CliRun.of("experiments");
    assertThat(list.code()).isEqualTo(ExitCodes.OK);
    assertThat(list.out()).contains("fisher", "lineage");
    String out = folder.resolve("out").toString();
    String[] args = {
      "experiments", "lineage", "-o", out, "--size", "tiny", "--seeds", "1", "--backend", "vector"
    };
    CliRun run = CliRun.of(args);
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
    assertThat(run.out()).contains("report.md").doesNotContain("Verdict");
    assertThat(run.err()).contains("(2 of 2)");
    CliRun again = CliRun.of(args);
    assertThat(again.err()).contains("2 of 2 jobs are done already");
    args[5] = "large";
    CliRun other = CliRun.of(args);
    assertThat(other.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(other.err()).contains("made with other settings").contains("another output folder");
  }

  @Test
  void badInputIsOneLine() {
    String[][] wrong = {
      {"experiments nothing -o x", "experiment 'nothing' is unknown; there are "},
      {"experiments fisher", "-o is missing"},
      {"experiments fisher -o x --size huge", "--size is 'huge'; it must be tiny, small or large"},
      {"experiments fisher -o x --seeds 0", "--seeds is 0"},
      {"experiments scaling -o x --text none.txt", "--text none.txt: there is no such file"},
      {"experiments scaling -o x", "scaling needs real text"},
      {"experiments fisher -o x --backend warp", "backend warp is unknown"}
    };
    for (String[] line : wrong) {
      CliRun run = CliRun.of(line[0].split(" "));
      assertThat(run.code()).as(line[0]).isNotZero();
      assertThat(run.err()).contains(line[1]);
    }
  }
}
