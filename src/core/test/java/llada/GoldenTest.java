package llada;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.TestAbortedException;

/** Another set of vectors is walked as it is; what it lacks is skipped by name, never passed. */
class GoldenTest {
  @TempDir Path root;

  private Path checkpoint(String name) throws IOException {
    Path folder = Files.createDirectories(root.resolve(name));
    Files.writeString(folder.resolve("config.json"), "{}");
    return folder;
  }

  @Test
  void whatIsThereIsWalked() throws IOException {
    checkpoint("b");
    Path other = checkpoint("another name");
    Files.writeString(other.resolve("golden.json"), "{}");
    assertThat(Golden.checkpointsWith(root, "golden.json")).isEqualTo(List.of(other));
  }

  @Test
  void whatIsNotThereIsSkippedByName() throws IOException {
    Path only = checkpoint("only");
    assertThatThrownBy(() -> Golden.checkpointsWith(root, "golden.json"))
        .isInstanceOf(TestAbortedException.class)
        .hasMessageContaining("has golden.json");
    assertThatThrownBy(() -> Golden.need(only, "golden.json"))
        .isInstanceOf(TestAbortedException.class)
        .hasMessageContaining("only has no golden.json");
  }

  @Test
  void aSetWithoutACheckpointIsAMistake() {
    assertThatThrownBy(() -> Golden.checkpoints(root)).hasMessageContaining("holds no checkpoint");
  }

  /** The folder of a set is named by its user: no test may expect a name in it. */
  @Test
  void noTestKnowsTheNameOfAFolder() throws IOException {
    try (Stream<Path> sources = Files.walk(Golden.repository())) {
      assertThat(sources.filter(f -> f.toString().matches(".*/test/java/.*\\.java")))
          .isNotEmpty()
          .noneSatisfy(
              f ->
                  assertThat(Files.readString(f)).containsPattern("root\\(\\)\\.resolve\\(\"tiny"));
    }
  }
}
