package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import llada.Golden;
import llada.format.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written says the same as the published code's own file about the same model. */
class PublishedConfigTest {
  private static final int LARGEST = 1 << 20;

  /** No settings of the model: a version, and keys whose null means what is written beside. */
  private static final Set<String> LEFT_OUT =
      Set.of("transformers_version", "init_cutoff_factor", "multi_query_attention");

  @TempDir Path folder;

  @Test
  void everyKeyOfThePublishedFileIsWrittenWithItsValue() throws IOException {
    Path published = Golden.resources().resolve("golden/tiny-llada/config.json");
    Path written = folder.resolve("config.json");
    Files.write(
        written,
        HuggingFaceConfig.write(
            HuggingFaceConfig.read(Json.read(published, LARGEST), OtherFiles.NONE), true));
    Map<String, Object> expected = new HashMap<>(Json.read(published, LARGEST).map());
    LEFT_OUT.forEach(key -> assertThat(expected.remove(key)).isIn(null, "4.46.3"));
    assertThat(Json.read(written, LARGEST).map()).containsExactlyInAnyOrderEntriesOf(expected);
  }
}
