package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The guided tour runs every command that it shows. */
class DemoCommandTest {
  @Test
  void everyPartIsShownAndRun() {
    CliRun run = CliRun.of("demo", "--model", "../demo/main/resources/llada/demo.gguf");
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(Arrays.stream(run.out().split("\n")).filter(line -> line.startsWith("$ llada ")))
        .hasSize(6);
    assertThat(run.out()).contains("There was once a fox near the lake.", "Then an owl came by.");
  }

  /** The bundled model has not learnt what is shown. */
  @Test
  void aModelOfTheRecipeIsNeeded() {
    CliRun run = CliRun.of("demo");
    assertThat(run.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(run.err()).hasLineCount(1).contains("train --recipe demo");
  }
}
