package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The recipe makes a model and its twin, goes on where it was, and both can be examined. */
@Tag("nightly")
class DemoEvalTest {
  @TempDir Path folder;

  @Test
  void aTrialOfTheRecipeIsExaminedBesideItsTwin() throws IOException {
    String[] train = {"train", "--recipe-scale", "1e-4", "-q", "-o", folder.toString(), "--recipe"};
    Path model = folder.resolve("llada/model");
    Path twin = folder.resolve("twin/model");
    assertThat(run(train, "demo").code()).isZero();
    assertThat(run(train, "demo-twin").code()).isZero();
    assertThat(run(train, "demo").out()).contains("done");
    assertThat(folder.resolve("llada/tokenizer/tokenizer.json"))
        .hasSameBinaryContentAs(folder.resolve("twin/tokenizer/tokenizer.json"));
    Path answers = folder.resolve("answers.txt");
    CliRun run =
        CliRun.of(
            "eval",
            "--demo",
            "--limit",
            "1",
            "-m",
            model.toString(),
            "--twin",
            twin.toString(),
            "--output",
            answers.toString());
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.out())
        .contains("sums, new answers", "typed follow-ups", "sudoku, new words", "infilling")
        .contains("fast", "low_confidence", "margin", "random", "twin")
        .contains("fast against low_confidence, 27 questions");
    assertThat(Files.readString(answers)).contains("typed questions, twin, wrong");
  }

  private static CliRun run(String[] train, String recipe) {
    String[] all = java.util.Arrays.copyOf(train, train.length + 1);
    all[train.length] = recipe;
    return CliRun.of(all);
  }
}
