package llada.converter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.format.FormatException;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class DequantizeTest {
  @TempDir Path temp;

  @Test
  void ggufInFloat32IsTheFolderThatItCameFrom() {
    Path made = temp.resolve("made");
    Dequantize.run(Golden.resources().resolve("gguf/tiny-llada-F32.gguf"), made, DType.F32);
    try (Checkpoint original = Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"));
        Checkpoint copy = Checkpoint.open(made)) {
      assertThat(copy.weightsByName().keySet()).isEqualTo(original.weightsByName().keySet());
      original
          .weightsByName()
          .forEach(
              (name, tensor) ->
                  assertThat(copy.weightsByName().get(name).data().mismatch(tensor.data()))
                      .as(name)
                      .isEqualTo(-1));
      assertThat(copy.config().mlpHiddenSize()).isEqualTo(original.config().mlpHiddenSize());
      assertThat(copy.config().maskTokenId()).isEqualTo(original.config().maskTokenId());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gguf/tiny-llada-Q8_0.gguf", "gguf/k-quants.gguf"})
  void quantisedValuesAreThoseOfTheDecoder(String source) {
    Path made = temp.resolve("made");
    Dequantize.run(Golden.resources().resolve(source), made, DType.F32);
    try (Checkpoint original = Checkpoint.open(Golden.resources().resolve(source));
        Checkpoint copy = Checkpoint.open(made)) {
      assertThat(copy.config().weightTying()).isEqualTo(original.config().weightTying());
      original
          .weightsByName()
          .forEach(
              (name, tensor) ->
                  assertThat(copy.weightsByName().get(name).toArray())
                      .as(name)
                      .isEqualTo(tensor.toArray()));
    }
  }

  @Test
  void bfloat16RoundsToNearestAndKeepsTheTokenizer() {
    Path made = temp.resolve("made");
    Path source = Golden.resources().resolve("golden/tiny-llada");
    Dequantize.run(source, made, DType.BF16);
    try (Checkpoint original = Checkpoint.open(source);
        Checkpoint copy = Checkpoint.open(made)) {
      assertThat(copy.tokenizer().encode("Hello there"))
          .isEqualTo(original.tokenizer().encode("Hello there"));
      Tensor a = original.weights().embedding();
      Tensor b = copy.weights().embedding();
      assertThat(b.dtype()).isEqualTo(DType.BF16);
      for (long i = 0; i < a.shape().elements(); i++) {
        // Eight bits of precision: half a unit of the last is 2^-9 of the value.
        assertThat(Math.abs(a.get(i) - b.get(i))).isLessThanOrEqualTo(Math.abs(a.get(i)) * 0x1p-8f);
      }
    }
  }

  /** It once began by clearing a folder of a fixed name, whoever's that was. */
  @Test
  void foldersBesideTheTargetAreLeftAlone() throws IOException {
    Path bystander = Files.createDirectory(temp.resolve(".made.part"));
    Files.writeString(bystander.resolve("notes.txt"), "mine");
    Path made = temp.resolve("made");
    Dequantize.run(Golden.resources().resolve("gguf/tiny-llada-Q8_0.gguf"), made, DType.F32);
    assertThat(bystander.resolve("notes.txt")).hasContent("mine");
    try (Stream<Path> left = Files.list(temp)) {
      assertThat(left).containsExactlyInAnyOrder(bystander, made);
    }
  }

  @Test
  void nothingIsLeftWhenItFails() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("there"));
    Path source = Golden.resources().resolve("gguf/tiny-llada-Q8_0.gguf");
    assertThatThrownBy(() -> Dequantize.run(source, folder, DType.F32))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("exists already");
    assertThatThrownBy(() -> Dequantize.run(source, temp.resolve("no/such/parent"), DType.F32))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("its parent folder does not exist");
    Path damaged = temp.resolve("damaged.gguf");
    byte[] bytes = Files.readAllBytes(source);
    Files.write(damaged, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> Dequantize.run(damaged, temp.resolve("out"), DType.F32))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("damaged.gguf");
    try (Stream<Path> left = Files.list(temp)) {
      assertThat(left).containsExactlyInAnyOrder(folder, damaged);
    }
  }
}
