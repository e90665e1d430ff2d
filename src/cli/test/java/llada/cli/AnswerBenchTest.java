package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import llada.format.Json;
import org.junit.jupiter.api.Test;

/** What bench answer reports is there and fits together; how fast anything is, no test can know. */
class AnswerBenchTest {
  @Test
  void theFiguresOfAnAnswerFitTogether() {
    CliRun run =
        CliRun.of(
            ("bench answer --setting dual+steps=4 --gen-length 16 --block-length 8 --prompt-length 5"
                    + " --threads 1 --json")
                .split(" "));
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
    Json json = Json.parse(run.out().getBytes(StandardCharsets.UTF_8), "output");
    assertThat(json.get("setting").string()).isEqualTo("dual+steps=4");
    assertThat(json.get("tokens").integer(0, 99)).isEqualTo(16);
    assertThat(json.get("steps").integer(0, 99)).isEqualTo(4);
    assertThat(json.get("useful").integer(0, 99)).isBetween(0, 16);
    double all = json.get("tokens_per_second").number();
    assertThat(json.get("first_step_s").number()).isPositive().isLessThanOrEqualTo(16 / all * 1.5);
    assertThat(json.get("useful_per_second").number()).isBetween(0.0, all);
    assertThat(json.get("load_s").number()).isPositive();
  }

  @Test
  void aSettingThatIsNoneIsRefused() {
    CliRun run = CliRun.of("bench", "answer", "--setting", "dual+nonsense");
    assertThat(run.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(run.err()).hasLineCount(1).contains("'dual+nonsense'");
  }
}
