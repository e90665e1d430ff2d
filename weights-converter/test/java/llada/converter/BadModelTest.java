package llada.converter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import llada.Golden;
import llada.Seeded;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.format.FormatException;
import llada.format.Safetensors;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever is wrong with a model: one message, and nothing under the target's name or beside. */
final class BadModelTest {
  @TempDir Path temp;
  private Path folder;

  @BeforeEach
  void copy() throws IOException {
    folder = Files.createDirectory(temp.resolve("model"));
    copy(Golden.resources().resolve("golden/tiny-llada"), folder);
  }

  static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  private void refuses(QuantizationMix mix, String... parts) throws IOException {
    Path target = temp.resolve("out.gguf");
    assertThatThrownBy(() -> ConvertTest.convert(folder, target, mix))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(parts);
    try (Stream<Path> left = Files.list(temp)) {
      assertThat(left).containsExactly(folder);
    }
  }

  private void edit(String file, String from, String to) throws IOException {
    String text = Files.readString(folder.resolve(file));
    assertThat(text).contains(from);
    Files.writeString(folder.resolve(file), text.replace(from, to));
  }

  private void put(String name, java.util.function.Function<Arena, Tensor> tensor) {
    try (Arena arena = Arena.ofShared()) {
      Path file = folder.resolve("model.safetensors");
      Map<String, Tensor> all = new LinkedHashMap<>(Safetensors.open(file, arena).tensors());
      all.put(name, tensor.apply(arena));
      Safetensors.write(file, all, Map.of());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "llada, dream, Dream",
    "llada, sdar, SDARForCausalLM",
    "llada, llada_moe, LLaDAModelLM",
    "llada, qwen2, Qwen2ForCausalLM"
  })
  void anotherArchitecture(String from, String type, String architecture) throws IOException {
    edit("config.json", "\"model_type\": \"" + from + "\"", "\"model_type\": \"" + type + "\"");
    edit("config.json", "\"LLaDAModelLM\"\n", "\"" + architecture + "\"\n");
    refuses(QuantizationMix.Q8_0, architecture, "LLaDA-8B, LLaDA-1.5, iLLaDA");
  }

  @Test
  void aWrongShape() throws IOException {
    put("model.transformer.blocks.0.q_proj.weight", a -> Tensor.of(a, new float[64], 8, 8));
    refuses(QuantizationMix.Q8_0, "q_proj", "(8, 8)", "(64, 64)");
  }

  @Test
  void aTensorThatDoesNotBelong() throws IOException {
    put("model.transformer.blocks.7.q_proj.weight", a -> Tensor.of(a, new float[64], 8, 8));
    refuses(QuantizationMix.Q8_0, "blocks.7.q_proj");
  }

  @ParameterizedTest
  @CsvSource({"NaN", "-Infinity"})
  void whatIsNoNumberIsRefusedInEveryType(float value) throws IOException {
    float[] row = new float[64 * 64];
    row[77] = value;
    put("model.transformer.blocks.1.v_proj.weight", a -> Tensor.of(a, row, 64, 64));
    for (QuantizationMix mix : QuantizationMix.values()) { // F32 copies the bytes
      refuses(mix, "blocks.1.v_proj", Float.isNaN(value) ? "NaN" : "Infinity", "verify");
    }
  }

  /** Scales are float16, not the weights: 127 times, 8 times as much fits, and more in K types. */
  @ParameterizedTest
  @CsvSource({
    "70000, F16",
    "9e6, Q8_0",
    "-9e6, Q8_0",
    "6e5, Q4_0",
    "7e7, Q4_K",
    "2e8, Q5_K",
    "1e20, Q4_K",
    "1e30, Q6_K",
    "3.4e38, BF16",
    "3.4e38, Q5_K"
  })
  void aNumberThatDoesNotFit(float value, QuantizationMix mix) throws IOException {
    widen(value);
    refuses(mix, "blocks.1.v_proj", String.valueOf(value), "f32 or bf16");
  }

  @ParameterizedTest
  @CsvSource({
    "1e5, Q8_0",
    "8e6, Q8_0",
    "-8e6, Q8_0",
    "1e5, Q4_0",
    "-5e5, Q4_0",
    "1e5, Q4_K",
    "1e7, Q4_K",
    "1e7, Q5_K",
    "1e8, Q6_K",
    "1e30, BF16",
    "3.4e38, F32"
  })
  void aLargeNumberThatFits(float value, QuantizationMix mix) throws IOException {
    widen(value);
    Path target = temp.resolve("out.gguf");
    ConvertTest.convert(folder, target, mix);
    try (Checkpoint written = Checkpoint.open(target)) {
      float[] row = written.weights().blocks().get(1).vProj().toArray();
      assertThat(row[77]).isCloseTo(value, within(Math.abs(value) / 64));
      row[77] = 0;
      for (float other : row) {
        assertThat(other).isZero();
      }
    }
  }

  /** A large weight, in a model whose rows are whole blocks of 256 numbers. */
  private void widen(float value) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    copy(Golden.resources().resolve("golden/tiny-llada"), folder);
    edit("config.json", "\"d_model\": 64", "\"d_model\": 256");
    edit("config.json", "\"mlp_hidden_size\": 192", "\"mlp_hidden_size\": 256");
    try (Arena arena = Arena.ofShared()) {
      Map<String, Tensor> all = new LinkedHashMap<>();
      Path file = folder.resolve("model.safetensors");
      Safetensors.open(file, arena)
          .tensors()
          .forEach(
              (name, tensor) -> {
                long rows = tensor.dim(0) == 320 ? 320 : 256;
                all.put(
                    name,
                    tensor.shape().rank() == 1
                        ? Tensor.allocate(arena, DType.F32, 256)
                        : Tensor.allocate(arena, DType.F32, rows, 256));
              });
      all.get("model.transformer.blocks.1.v_proj.weight").set(77, value);
      Safetensors.write(file, all, Map.of());
    }
  }

  @Test
  void aTokenizerThatGgufHasNoNameFor() throws IOException {
    edit("tokenizer.json", "\\\\p{N}| ?", "\\\\p{N}{1,2}| ?");
    refuses(QuantizationMix.Q8_0, "splits text by", "bailingmoe");
    Files.delete(folder.resolve("tokenizer.json"));
    refuses(QuantizationMix.Q8_0, "holds no tokenizer.json");
  }

  @Test
  void shardsThatAreMissingOrSayTheSame() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    copy(Golden.resources().resolve("golden/tiny-llada-bf16-sharded"), folder);
    Path first = folder.resolve("model-00001-of-00002.safetensors");
    Path second = folder.resolve("model-00002-of-00002.safetensors");
    Path aside = Files.createTempFile("shard", ".safetensors");
    Files.move(second, aside, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    refuses(QuantizationMix.Q8_0, "model-00002-of-00002.safetensors", "missing");
    Files.copy(first, second);
    refuses(QuantizationMix.Q8_0, "model-00002-of-00002.safetensors");
    Files.delete(aside);
  }

  @Test
  void aFullDisk() {
    Path full = Path.of("/dev/full");
    if (Files.exists(full)) {
      assertThatThrownBy(
              () -> llada.format.AtomicFile.requireSpace(temp.resolve("x"), Long.MAX_VALUE))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("make room");
    }
  }

  /** A damaged file is refused, or converted if only a number or a text has changed. */
  @Test
  void damagedFilesNeverGiveHalfAFile() {
    Seeded.cases(300, BadModelTest::damaged);
  }

  private static void damaged(Random random) throws IOException {
    boolean gguf = random.nextBoolean();
    int place = random.nextInt(1_000_000);
    byte value = (byte) random.nextInt(256);
    boolean cut = random.nextBoolean();
    Path here = Files.createTempDirectory("damaged");
    Path model = here.resolve(gguf ? "in.gguf" : "in");
    Path attacked = model;
    if (gguf) {
      Files.copy(Golden.resources().resolve("gguf/tiny-llada-Q8_0.gguf"), model);
    } else {
      Files.createDirectory(model);
      copy(Golden.resources().resolve("golden/tiny-llada"), model);
      attacked = model.resolve("model.safetensors");
    }
    byte[] bytes = Files.readAllBytes(attacked);
    // Mostly in the header, which is the smaller part.
    int at = (int) ((long) place * (place % 4 == 0 ? bytes.length : 12_000) / 1_000_000);
    bytes[at] = value;
    Files.write(attacked, cut ? java.util.Arrays.copyOf(bytes, at) : bytes);
    Path target = here.resolve(gguf ? "out" : "out.gguf");
    boolean made = true;
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      Converter.convert(
          checkpoint,
          target,
          Converter.Settings.DEFAULT
              .mix(gguf ? QuantizationMix.BF16 : QuantizationMix.Q4_0)
              .threads(1),
          Progress.NONE);
    } catch (FormatException e) {
      made = false;
      assertThat(e.getMessage()).isNotBlank().doesNotContain("\n");
    }
    try (Stream<Path> left = Files.list(here)) {
      assertThat(left).hasSize(made ? 2 : 1);
    }
    delete(here);
  }

  private static void delete(Path tree) throws IOException {
    try (Stream<Path> files = Files.walk(tree)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
