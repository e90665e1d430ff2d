package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import llada.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A tokenizer and a model that are not of one kind. */
class TrainTokenizerTest {
  @TempDir Path folder;

  @Test
  void moreTokensThanRows() throws IOException {
    Path corpus = Files.writeString(folder.resolve("c.txt"), "A cat sat on the mat.\n".repeat(99));
    CliRun run =
        CliRun.of(
            "train",
            "--data",
            corpus.toString(),
            "--model",
            Golden.resources().resolve("golden/tiny-llada").toString(),
            "--tokenizer",
            CliRun.model().toString(),
            "--length",
            "16",
            "--steps",
            "1",
            "-o",
            folder.resolve("run").toString());
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(run.err())
        .contains("tokenizer: the tokenizer has ids up to 1023, but the embedding only 320 rows");
  }
}
