package llada.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import llada.tensor.DType;
import llada.tensor.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class GgufWriterTest {
  @TempDir Path folder;

  private static GgufWriter writer() {
    GgufWriter writer =
        new GgufWriter()
            .string("general.architecture", "llada")
            .string("name", "é\ud83d\ude00\n")
            .uint32("n", 0xFFFF_FFFFL)
            .float32("eps", 1e-5f)
            .bool("yes", true)
            .bool("no", false)
            .strings("tokens", List.of("a", "", "Ġb"))
            .strings("none", List.of())
            .int32s("types", new int[] {1, -3, Integer.MAX_VALUE});
    for (DType type : DType.values()) {
      writer.tensor("w." + type, type, Shape.of(3, 256));
    }
    return writer.tensor("odd", DType.F16, Shape.of(3)).tensor("scalar", DType.F32, Shape.of());
  }

  private static byte[] data(TensorEntry tensor) {
    byte[] bytes = new byte[(int) tensor.bytes()];
    new Random(tensor.name().hashCode()).nextBytes(bytes);
    return bytes;
  }

  private static void inPieces(TensorEntry tensor, GgufWriter.Sink out) throws IOException {
    MemorySegment all = MemorySegment.ofArray(data(tensor));
    long half = tensor.bytes() / 2;
    out.write(all.asSlice(0, half));
    out.write(all.asSlice(half));
  }

  @Test
  void whatIsWrittenIsReadBack() {
    Path file = folder.resolve("x.gguf");
    GgufWriter writer = writer();
    writer.write(file, GgufWriterTest::inPieces);
    try (Arena arena = Arena.ofConfined()) {
      Gguf read = Gguf.open(file, arena);
      assertThat(read.version()).isEqualTo(3);
      assertThat(read.architecture()).isEqualTo("llada");
      assertThat(read.string("name")).isEqualTo("é\ud83d\ude00\n");
      assertThat(read.metadata()).containsEntry("n", 0xFFFF_FFFFL).containsEntry("eps", 1e-5f);
      assertThat(read.bool("yes")).isTrue();
      assertThat(read.bool("no")).isFalse();
      assertThat(read.strings("tokens")).containsExactly("a", "", "Ġb");
      assertThat(read.strings("none")).isEmpty();
      assertThat(read.ints("types")).containsExactly(1, -3, Integer.MAX_VALUE);
      assertThat(read.entries().values()).containsExactlyElementsOf(writer.tensors());
      for (TensorEntry tensor : writer.tensors()) {
        assertThat(read.tensor(tensor.name()).data().toArray(ValueLayout.JAVA_BYTE))
            .isEqualTo(data(tensor));
        assertThat(tensor.begin() % 32).isZero();
      }
    }
  }

  @Test
  void refusesWhatTheFormatCannotHold() {
    assertThatThrownBy(() -> writer().bool("yes", true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'yes'");
    assertThatThrownBy(() -> writer().uint32("m", -1)).hasMessageContaining("m is -1");
    assertThatThrownBy(() -> writer().string("s", "\ud800")).hasMessageContaining("Unicode");
    assertThatThrownBy(() -> writer().tensor("odd", DType.F32, Shape.of(1)))
        .hasMessageContaining("odd is there already");
    assertThatThrownBy(() -> writer().tensor("q", DType.Q8_0, Shape.of(2, 33)))
        .hasMessageContaining("blocks of 32");
    assertThatThrownBy(() -> writer().tensor("x".repeat(65), DType.F32, Shape.of(1)))
        .hasMessageContaining("at most 64 bytes");
    assertThatThrownBy(() -> writer().tensor("deep", DType.F32, Shape.of(1, 1, 1, 1, 1)))
        .hasMessageContaining("4 dimensions");
  }

  @Test
  void aTensorHasExactlyItsBytesOrTheOldFileStays() throws IOException {
    Path file = Files.writeString(folder.resolve("x.gguf"), "old");
    GgufWriter writer = new GgufWriter().tensor("w", DType.F32, Shape.of(2));
    for (int bytes : new int[] {7, 9}) {
      assertThatThrownBy(
              () ->
                  writer.write(file, (_, out) -> out.write(MemorySegment.ofArray(new byte[bytes]))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(
              "tensor w F32 (2) has 8 bytes, but " + (bytes < 8 ? "fewer" : "more"));
    }
    assertThat(file).hasContent("old");
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void aDiskThatIsTooSmallIsFoundBeforeAnythingIsWritten() {
    GgufWriter writer = new GgufWriter().tensor("w", DType.F32, Shape.of(1L << 50));
    assertThatThrownBy(
            () ->
                writer.write(
                    folder.resolve("big.gguf"),
                    (_, _) -> {
                      throw new AssertionError("nothing is to be written");
                    }))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("big.gguf: needs 4,503,599,627,37", "free", "another disk");
  }
}
