package llada.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import llada.Golden;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFolderTest {
  @TempDir Path folder;

  private void shard(String file, String... tensors) {
    try (Arena arena = Arena.ofConfined()) {
      Map<String, Tensor> content = new LinkedHashMap<>();
      for (String name : tensors) {
        content.put(name, Tensor.of(arena, new float[] {tensors.length}, 1));
      }
      Safetensors.write(folder.resolve(file), content, Map.of());
    }
  }

  private void index(String weightMap) throws IOException {
    Files.writeString(
        folder.resolve(SafetensorsFolder.INDEX),
        "{\"metadata\":{\"total_size\":8},\"weight_map\":%s}".formatted(weightMap));
  }

  private void assertRefused(String... parts) {
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> SafetensorsFolder.open(folder, arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll(parts);
    }
  }

  @Test
  void everyGoldenCheckpointOpens() {
    for (Path checkpoint : Golden.checkpoints()) {
      try (Arena arena = Arena.ofConfined()) {
        SafetensorsFolder opened = SafetensorsFolder.open(checkpoint, arena);
        assertThat(opened.tensors()).isNotEmpty();
        assertThat(opened.files()).isNotEmpty();
        assertThat(opened.folder()).isEqualTo(checkpoint);
      }
    }
  }

  @Test
  void joinsTheShardsInTheOrderOfTheIndex() throws IOException {
    shard("1.safetensors", "b", "extra");
    shard("2.safetensors", "a");
    index("{\"a\":\"2.safetensors\",\"b\":\"1.safetensors\"}");
    try (Arena arena = Arena.ofConfined()) {
      SafetensorsFolder opened = SafetensorsFolder.open(folder, arena);
      assertThat(opened.tensors().keySet()).containsExactly("a", "b");
      assertThat(opened.tensor("b").get(0)).isEqualTo(2);
      assertThat(opened.files())
          .containsExactly(folder.resolve("2.safetensors"), folder.resolve("1.safetensors"));
      assertThatThrownBy(() -> opened.tensor("c"))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll(folder.toString(), "\"c\"", "2 tensors");
    }
  }

  @Test
  void theSingleFileCountsWhenBothAreThere() throws IOException {
    shard("model.safetensors", "whole");
    index("{\"a\":\"missing.safetensors\"}");
    try (Arena arena = Arena.ofConfined()) {
      SafetensorsFolder opened = SafetensorsFolder.open(folder, arena);
      assertThat(opened.tensors().keySet()).containsExactly("whole");
      assertThat(opened.tensor("whole").dtype()).isEqualTo(DType.F32);
    }
  }

  @Test
  void refusesAnIndexThatDisagreesWithTheShards() throws IOException {
    index("{\"a\":\"gone.safetensors\"}");
    assertRefused(SafetensorsFolder.INDEX, "gone.safetensors", "\"a\"", "missing", "download");
    shard("1.safetensors", "a");
    index("{\"b\":\"1.safetensors\"}");
    assertRefused(SafetensorsFolder.INDEX, "\"b\"", "1.safetensors", "does not hold");
    shard("2.safetensors", "a", "b");
    index("{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}");
    assertRefused("2.safetensors", "\"a\"", "1.safetensors too", "one shard only");
    index("{}");
    assertRefused(SafetensorsFolder.INDEX, "weight_map is empty");
    index("[]");
    assertRefused(SafetensorsFolder.INDEX, "weight_map", "an object");
    index("{\"a\":1}");
    assertRefused(SafetensorsFolder.INDEX, "a is 1", "a string");
    Files.writeString(folder.resolve(SafetensorsFolder.INDEX), "{}");
    assertRefused(SafetensorsFolder.INDEX, "weight_map is missing");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../x.safetensors", "/etc/passwd", "sub/../../x", "", "..", "a\\u0000b", "."})
  void refusesShardsThatLeaveTheFolder(String shard) throws IOException {
    index("{\"a\":\"%s\"}".formatted(shard));
    assertRefused(folder.toString());
  }

  @Test
  void saysWhyAShardIsRefused() throws IOException {
    index("{\"a\":\"../x.safetensors\"}");
    assertRefused(SafetensorsFolder.INDEX, "\"../x.safetensors\"", "folder of its index");
    index("{\"a\":\"a\\u0000b\"}");
    assertRefused(SafetensorsFolder.INDEX, "a\\u0000b", "no file name");
  }

  @Test
  void saysWhatWasLookedForAndWhatToDo() throws IOException {
    assertRefused(folder.toString(), "neither model.safetensors nor", "index.json", "download");
    Files.createFile(folder.resolve("pytorch_model.bin"));
    assertRefused("pytorch_model.bin", "safe_serialization");
    Files.createFile(folder.resolve("model.gguf"));
    assertRefused("model.gguf", "path of that file");
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> SafetensorsFolder.open(folder.resolve("model.gguf"), arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll("model.gguf", "is no folder");
    }
  }
}
