package llada.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Results that survive a kill at any byte. */
final class ResultsFileTest {
  @TempDir Path folder;

  private static String line(String id) {
    return "{\"id\":\"%s\",\"text\":\"ä\",\"settings\":\"s\"}".formatted(id);
  }

  @Test
  void cutAtAnyByteItGoesOn() throws IOException {
    Path file = folder.resolve("r.jsonl");
    try (ResultsFile results = ResultsFile.open(file, "s")) {
      results.add("a", line("a"));
      results.add("b", line("b"));
    }
    byte[] whole = Files.readAllBytes(file);
    int first = line("a").getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
    for (int cut = 0; cut <= whole.length; cut++) {
      Files.write(file, Arrays.copyOf(whole, cut));
      try (ResultsFile results = ResultsFile.open(file, "s")) {
        assertThat(results.has("a")).as("cut at %d", cut).isEqualTo(cut >= first);
        assertThat(results.has("b")).as("cut at %d", cut).isEqualTo(cut >= whole.length - 1);
        for (String id : new String[] {"a", "b"}) {
          if (!results.has(id)) {
            results.add(id, line(id));
          }
        }
      }
      assertThat(Files.readAllBytes(file)).as("cut at %d", cut).isEqualTo(whole);
    }
  }

  @Test
  void otherSettingsDamageAndASecondRunAreRefused() throws IOException {
    Path file = folder.resolve("r.jsonl");
    Files.writeString(file, line("a") + "\n");
    assertThatThrownBy(() -> ResultsFile.open(file, "t"))
        .hasMessageContaining("line 1: was made with another model or other options");
    try (ResultsFile results = ResultsFile.open(file, "s")) {
      assertThat(results.earlier()).hasSize(1);
      assertThatThrownBy(() -> ResultsFile.open(file, "s"))
          .hasMessageContaining("another run is writing to it");
    }
    Files.writeString(file, "{\"id\":\n" + line("a") + "\n");
    assertThatThrownBy(() -> ResultsFile.open(file, "s")).hasMessageContaining("line 1");
    assertThatThrownBy(() -> ResultsFile.open(folder, "s")).hasMessageContaining("is a folder");
    assertThatThrownBy(() -> ResultsFile.open(folder.resolve("no/r"), "s"))
        .hasMessageContaining("its folder does not exist");
  }

  @Test
  void numbersMayBeIds() throws IOException {
    Path file = Files.writeString(folder.resolve("r"), "{\"id\":7,\"settings\":\"s\"}\n\n");
    try (ResultsFile results = ResultsFile.open(file, "s")) {
      assertThat(results.has("7")).isTrue();
    }
  }
}
