package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SynthTest {
  private static final String SMALL =
      "synth --shape custom --dim 64 --layers 2 --heads 4 --ffn 96 --vocab 300 --type q8_0 -o ";

  @TempDir Path folder;

  @Test
  void aFileIsWrittenAndTheOtherCommandsTakeIt() throws IOException {
    Path file = folder.resolve("x.gguf");
    CliRun run = CliRun.of((SMALL + file).split(" "));
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
    assertThat(run.out()).isEmpty();
    assertThat(run.err()).contains("50 % of ", file + ": synthetic, 108,352 weights, ");
    CliRun info = CliRun.of("info", "-m", file.toString());
    assertThat(info.out()).contains("GGUF v3", "Q8_0", "mask_token_id             299");
    CliRun text = CliRun.of("generate", "-m", file.toString(), "--gen-length", "4", "hello");
    assertThat(text.code()).as(text.toString()).isEqualTo(ExitCodes.OK);
    CliRun quiet = CliRun.of((SMALL + folder.resolve("y.gguf") + " -q --threads 1").split(" "));
    assertThat(quiet).isEqualTo(new CliRun(ExitCodes.OK, "", ""));
    assertThat(folder.resolve("y.gguf")).hasSameBinaryContentAs(file);
  }

  @Test
  void aTargetThatCannotBeWrittenIsNamed() throws IOException {
    Path file = Files.createDirectory(folder.resolve("d"));
    CliRun run = CliRun.of((SMALL + file).split(" "));
    assertThat(run.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(run.err()).startsWith("llada: " + file + ": is a folder").hasLineCount(1);
    CliRun none = CliRun.of((SMALL + folder.resolve("no/x.gguf")).split(" "));
    assertThat(none.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(none.err()).contains("its folder does not exist").hasLineCount(1);
  }
}
