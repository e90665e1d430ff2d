package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The guided tour runs every command that it shows. */
class DemoCommandTest {
  @Test
  void everyPartIsShownAndRun() {
    CliRun run = CliRun.of("demo");
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(Arrays.stream(run.out().split("\n")).filter(line -> line.startsWith("$ llada ")))
        .hasSize(6)
        .noneMatch(line -> line.contains("--model"));
    assertThat(run.out()).contains("There was once a fox near the lake.", "Then an owl came by.");
  }
}
