package llada.converter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import llada.Golden;
import llada.api.Setup;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.format.FormatException;
import llada.format.Gguf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ConvertTest {
  private static final Path TINY = Golden.resources().resolve("golden/tiny-llada");
  private static final Path SHAKESPEARE =
      Golden.resources().resolve("checkpoints/shakespeare-llada");

  @TempDir Path temp;

  static void convert(Path source, Path target, QuantizationMix mix) {
    try (Checkpoint model = Checkpoint.open(source)) {
      Converter.convert(
          model, target, Converter.Settings.DEFAULT.mix(mix).threads(1), Progress.NONE);
    }
  }

  private static List<Difference> differences(Path a, Path b) {
    return Difference.between(a, b, Setup.DEFAULT.threads(1), Progress.NONE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "golden/tiny-llada",
        "golden/tiny-llada-bf16-sharded",
        "checkpoints/shakespeare-llada"
      })
  void thereAndBackIsIdentity(String name) throws IOException {
    Path source = Golden.resources().resolve(name);
    Path gguf = temp.resolve("model.gguf");
    Path back = temp.resolve("back");
    convert(source, gguf, QuantizationMix.F32);
    convert(gguf, back, QuantizationMix.F32);
    assertThat(differences(source, back))
        .allMatch(d -> d.maxError() == 0 && d.typeB().equals("F32"));
    assertThat(differences(source, gguf)).allMatch(d -> d.maxError() == 0);
    try (Checkpoint a = Checkpoint.open(source);
        Checkpoint b = Checkpoint.open(back)) {
      assertThat(b.config()).isEqualTo(a.config());
      assertThat(b.chatTemplateText()).isEqualTo(a.chatTemplateText());
      String text = "First Citizen: don't 123 \n\n <|eot_id|>ünï";
      assertThat(b.tokenizer().encode(text)).isEqualTo(a.tokenizer().encode(text));
      assertThat(b.tokenizer().decode(b.tokenizer().encode(text), true))
          .isEqualTo(a.tokenizer().decode(a.tokenizer().encode(text), true));
    }
  }

  /** The fixture is what the gguf package and llama.cpp's rules make of the same folder. */
  @ParameterizedTest
  @CsvSource({"F32, F32", "Q8_0, Q8_0", "Q4_0, Q4_0"})
  void tensorsAreThoseOfThePeersFile(QuantizationMix mix, String fixture) {
    Path made = temp.resolve("made.gguf");
    convert(TINY, made, mix);
    try (Arena arena = Arena.ofConfined()) {
      Gguf ours = Gguf.open(made, arena);
      Gguf theirs =
          Gguf.open(Golden.resources().resolve("gguf/tiny-llada-" + fixture + ".gguf"), arena);
      assertThat(ours.tensors().keySet())
          .containsExactlyInAnyOrderElementsOf(theirs.tensors().keySet());
      theirs
          .tensors()
          .forEach(
              (name, tensor) -> {
                if (ours.tensor(name).dtype() == tensor.dtype()) {
                  assertThat(ours.tensor(name).data().mismatch(tensor.data()))
                      .as(name)
                      .isEqualTo(-1);
                }
              });
      assertThat(ours.strings("tokenizer.ggml.tokens"))
          .isEqualTo(theirs.strings("tokenizer.ggml.tokens"));
      assertThat(ours.strings("tokenizer.ggml.merges"))
          .isEqualTo(theirs.strings("tokenizer.ggml.merges"));
      assertThat(ours.integer("general.file_type", 0, 100)).isEqualTo(mix.fileType());
      assertThat(ours.bool("diffusion.shift_logits")).isFalse();
      assertThat(ours.integer("tokenizer.ggml.mask_token_id", 0, 1000)).isEqualTo(319);
      assertThat(ours.string("tokenizer.ggml.pre")).isEqualTo("bailingmoe");
      assertThat(ours.bool("llada.attention.causal")).isFalse();
      assertThat(ours.bool("tokenizer.ggml.add_bos_token")).isTrue();
      assertThat(ours.bool("tokenizer.ggml.add_eos_token")).isFalse();
    }
  }

  @ParameterizedTest
  @EnumSource(QuantizationMix.class)
  void everyMixtureIsReadAgainAndCloseToTheOriginal(QuantizationMix mix) {
    Path made = temp.resolve("made.gguf");
    convert(SHAKESPEARE, made, mix);
    double limit = mix.name().startsWith("Q4") ? 0.1 : mix.name().startsWith("Q5") ? 0.05 : 0.03;
    assertThat(differences(SHAKESPEARE, made)).allMatch(d -> d.relativeRmse() < limit);
  }

  @Test
  void theFileDoesNotDependOnTheThreads() throws IOException {
    Path serial = temp.resolve("serial.gguf");
    Path parallel = temp.resolve("parallel.gguf");
    convert(SHAKESPEARE, serial, QuantizationMix.Q4_K_M);
    Converter.convert(
        SHAKESPEARE,
        parallel,
        Converter.Settings.DEFAULT.mix(QuantizationMix.Q4_K_M).threads(3),
        Progress.NONE);
    assertThat(Files.mismatch(serial, parallel)).isEqualTo(-1);
  }

  @Test
  void manyShardsAreOneModel() {
    Path sharded = temp.resolve("sharded");
    Converter.convert(
        TINY,
        sharded,
        new Converter.Settings(
            Optional.of(QuantizationMix.F32), Optional.empty(), Importance.NONE, 100_000, 1),
        Progress.NONE);
    assertThat(sharded.resolve("model.safetensors.index.json")).exists();
    assertThat(differences(TINY, sharded)).allMatch(d -> d.maxError() == 0);
  }

  @Test
  void aFolderHoldsNoBlocks() {
    assertThatThrownBy(() -> convert(TINY, temp.resolve("out"), QuantizationMix.Q4_0))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("f32, f16 or bf16, not q4_0");
  }

  @Test
  void foldersBesideTheTargetAreLeftAlone() throws IOException {
    Path bystander = Files.createDirectory(temp.resolve(".made.part"));
    Files.writeString(bystander.resolve("notes.txt"), "mine");
    Path made = temp.resolve("made");
    convert(TINY, made, QuantizationMix.BF16);
    assertThat(bystander.resolve("notes.txt")).hasContent("mine");
    assertThatThrownBy(() -> convert(TINY, made, QuantizationMix.BF16))
        .hasMessageContaining("exists already");
    try (Stream<Path> left = Files.list(temp)) {
      assertThat(left).containsExactlyInAnyOrder(bystander, made);
    }
  }
}
