package llada.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import llada.Golden;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriteTest {
  @TempDir Path folder;

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put("half", Tensor.allocate(arena, DType.F16, 3));
      tensors.put("scalar", Tensor.of(arena, new float[] {-0.0f}));
      tensors.put("wide", Tensor.allocate(arena, DType.F64, 2, 2));
      tensors.put("emp\"ty\n\u00e9\ud83d\ude00", Tensor.allocate(arena, DType.BF16, 0, 5));
      tensors.put("m", Tensor.of(arena, new float[] {1, 2, Float.NaN, 4, 5, 6}, 2, 3));
      Path file = folder.resolve("out.safetensors");
      Safetensors.write(file, tensors, Map.of("format", "pt", "note", "a \"quoted\" text"));

      Safetensors read = Safetensors.open(file, arena);
      assertThat(read.metadata())
          .containsOnly(Map.entry("format", "pt"), Map.entry("note", "a \"quoted\" text"));
      assertThat(read.tensors().keySet()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
      tensors.forEach((name, tensor) -> assertSame(read.tensor(name), tensor));
      read.entries()
          .values()
          .forEach(
              entry ->
                  assertThat(entry.begin() % entry.dtype().orElseThrow().blockBytes()).isZero());
      byte[] bytes = Files.readAllBytes(file);
      long header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
      assertThat((header + 8) % Tensor.ALIGNMENT).isZero();
      assertOnly("out.safetensors");
    }
  }

  @Test
  void aGoldenFileSurvivesTheRoundTripOverItself() throws IOException {
    Path file = folder.resolve("model.safetensors");
    Files.copy(Golden.checkpoints().getFirst().resolve("model.safetensors"), file);
    try (Arena arena = Arena.ofConfined()) {
      Safetensors before = Safetensors.open(file, arena);
      Safetensors.write(file, before.tensors(), before.metadata()); // replaces what it reads from
      Safetensors after = Safetensors.open(file, arena);
      assertThat(after.tensors().keySet()).isEqualTo(before.tensors().keySet());
      before.tensors().forEach((name, tensor) -> assertSame(after.tensor(name), tensor));
      assertOnly("model.safetensors");
    }
  }

  @Test
  void anEmptyMapIsAFileToo() {
    Path file = folder.resolve("empty.safetensors");
    Safetensors.write(file, Map.of(), Map.of());
    try (Arena arena = Arena.ofConfined()) {
      assertThat(Safetensors.open(file, arena).entries()).isEmpty();
    }
  }

  @Test
  void refusesWhatTheFormatCannotHold() throws IOException {
    Path file = folder.resolve("x.safetensors");
    try (Arena arena = Arena.ofConfined()) {
      Tensor quantised = Tensor.allocate(arena, DType.Q8_0, 32);
      Tensor one = Tensor.allocate(arena, DType.F32, 1);
      Tensor deep = Tensor.allocate(arena, DType.F32, 1, 1, 1, 1, 1, 1, 1, 1, 1);
      assertThatThrownBy(() -> Safetensors.write(file, Map.of("w", quantised), Map.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContainingAll("x.safetensors", "w", "Q8_0", "F32");
      assertThatThrownBy(() -> Safetensors.write(file, Map.of("__metadata__", one), Map.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("__metadata__");
      assertThatThrownBy(() -> Safetensors.write(file, Map.of("w", deep), Map.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("8 dimensions");
      assertThatThrownBy(() -> Safetensors.write(file, Map.of("\ud800", one), Map.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("x.safetensors");
    }
    assertOnly();
  }

  @Test
  void anOldFileIsUntouchedWhenWritingFailsHalfway() throws IOException {
    Path file = folder.resolve("model.safetensors");
    Files.writeString(file, "the old one");
    assertThatThrownBy(
            () ->
                AtomicFile.write(
                    file,
                    channel -> {
                      channel.write(ByteBuffer.wrap(new byte[100]));
                      throw new IOException("No space left on device");
                    }))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("model.safetensors", "No space left on device", "disk");
    Tensor gone;
    try (Arena closed = Arena.ofConfined()) {
      gone = Tensor.allocate(closed, DType.F32, 4);
    }
    assertThatThrownBy(() -> Safetensors.write(file, Map.of("w", gone), Map.of()))
        .isInstanceOf(IllegalStateException.class);
    assertThat(file).hasContent("the old one");
    assertOnly("model.safetensors");
  }

  @Test
  void saysWhyATargetCannotBeWritten() throws IOException {
    Path directory = Files.createDirectory(folder.resolve("directory"));
    assertThatThrownBy(() -> Safetensors.write(directory, Map.of(), Map.of()))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("directory", "is a folder");
    assertThatThrownBy(
            () -> Safetensors.write(folder.resolve("none/x.safetensors"), Map.of(), Map.of()))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("x.safetensors", "folder does not exist");
    Path plain = Files.writeString(folder.resolve("plain"), "text");
    assertThatThrownBy(() -> Safetensors.write(plain.resolve("x.safetensors"), Map.of(), Map.of()))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("x.safetensors", "cannot be written");
    assertOnly("directory", "plain");
  }

  @Test
  void anUnwritableFolderIsNamed() throws IOException {
    Path locked = Files.createDirectory(folder.resolve("locked"));
    assertThat(locked.toFile().setWritable(false)).isTrue();
    try {
      // The superuser may write anywhere; then there is nothing to see here.
      if (!Files.isWritable(locked)) {
        assertThatThrownBy(() -> Safetensors.write(locked.resolve("x"), Map.of(), Map.of()))
            .isInstanceOf(FormatException.class)
            .hasMessageContainingAll("locked", "may not be written");
      }
    } finally {
      assertThat(locked.toFile().setWritable(true)).isTrue();
    }
  }

  private void assertOnly(String... names) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<String> found = files.map(path -> path.getFileName().toString()).toList();
      assertThat(found).containsExactlyInAnyOrder(names);
    }
  }

  private static void assertSame(Tensor actual, Tensor expected) {
    assertThat(actual.dtype()).isEqualTo(expected.dtype());
    assertThat(actual.shape()).isEqualTo(expected.shape());
    assertThat(actual.data().toArray(ValueLayout.JAVA_BYTE))
        .isEqualTo(expected.data().toArray(ValueLayout.JAVA_BYTE));
  }
}
