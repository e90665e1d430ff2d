package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.diffusion.DiffusionSampler;
import llada.diffusion.NonFiniteLogitsException;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.format.FormatException;
import llada.format.Safetensors;
import llada.model.MaskPredictor;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A folder that is damaged in one place: one message that names the file, the value and the rule.
 */
final class CheckpointErrorsTest {
  private static final String Q = "model.transformer.blocks.0.q_proj.weight";

  @TempDir Path folder;

  @BeforeEach
  void copy() throws IOException {
    try (Stream<Path> files = Files.list(Golden.resources().resolve("golden/tiny-llada"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
  }

  private void edit(String file, String from, String to) {
    try {
      String text = Files.readString(folder.resolve(file));
      assertThat(text).contains(from);
      Files.writeString(folder.resolve(file), text.replace(from, to));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void refuses(String... parts) {
    assertThatThrownBy(() -> Checkpoint.open(folder).close())
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(parts);
  }

  private void editWeights(Consumer<Map<String, Tensor>> change) throws IOException {
    Path file = folder.resolve("model.safetensors");
    try (Arena arena = Arena.ofShared()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>(Safetensors.open(file, arena).tensors());
      change.accept(tensors);
      Safetensors.write(file, tensors, Map.of());
    }
  }

  @Test
  void theCopyItselfIsFine() {
    assertThatCode(() -> Checkpoint.open(folder).close()).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"n_heads\": 4 | \"n_heads\": 5 | d_model is 64, which is no multiple of n_heads, 5",
        "\"n_heads\": 4 | \"n_heads\": 0 | n_heads is 0; it must be from 1",
        "\"n_kv_heads\": 4 | \"n_kv_heads\": 3 | no multiple of n_kv_heads, 3",
        "\"n_layers\": 2 | \"n_layers\": \"two\" | n_layers is two; an integer is needed",
        "\"n_layers\": 2 | \"n_layers\": 3 | lacks model.transformer.blocks.2",
        "\"n_layers\": 2 | \"n_layers\": 1 | holds tensors that a LLaDA of this configuration",
        "\"n_layers\": 2 | \"n_layers\": 16000000 | lacks model.transformer.blocks.2",
        "\"d_model\": 64 | \"d_model\": 128 | model.transformer.wte.weight is (320, 64)",
        "\"mask_token_id\": 319 | \"mask_token_id\": 320 | mask_token_id is 320",
        "\"mask_token_id\": 319 | \"mask_token_id\": -1 | mask_token_id is -1",
        "\"eos_token_id\": 318 | \"eos_token_id\": 99999 | eos_token_id is 99999",
        "\"embedding_size\": 320 | \"embedding_size\": 300 | embedding_size is 300, less than vocab_size",
        "\"rms_norm_eps\": 1e-05 | \"rms_norm_eps\": -1 | rms_norm_eps is -1.0",
        "\"rope_theta\": 500000.0 | \"rope_theta\": 0 | rope_theta is 0.0",
        "\"block_type\": \"llama\" | \"block_type\": \"sequential\" | only llama is supported",
        "\"alibi\": false | \"alibi\": true | only false is supported",
        "\"weight_tying\": false | \"weight_tying\": true | model.transformer.ff_out.weight",
        "\"multi_query_attention\": null | \"multi_query_attention\": true | which means 1",
        "\"model_type\": \"llada\" | \"model_type\": \"llada_moe\" | the dense LLaDA models are supported",
        "\"vocab_size\": 320 | \"vocab_size\": 320,, | not valid JSON at line",
      })
  void configuration(String from, String to, String message) {
    edit("config.json", from, to);
    refuses("config.json".equals(message) ? "" : folder.toString(), message);
  }

  @Test
  void noSuchFolder() {
    assertThatThrownBy(() -> Checkpoint.open(folder.resolve("absent")).close())
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("absent", "no such file or folder", "GGUF");
  }

  @Test
  void noConfiguration() throws IOException {
    Files.delete(folder.resolve("config.json"));
    refuses("config.json", "cannot be read");
  }

  /** Reading a pipe that nobody writes to would wait for ever. */
  @ParameterizedTest
  @ValueSource(strings = {"config.json", "tokenizer.json", "tokenizer_config.json"})
  void aPipeInTheFoldersPlaceIsRefusedAtOnce(String name) throws Exception {
    Files.delete(folder.resolve(name));
    Process mkfifo = new ProcessBuilder("mkfifo", folder.resolve(name).toString()).start();
    assertThat(mkfifo.waitFor()).isZero();
    assertTimeoutPreemptively(
        Duration.ofSeconds(20), () -> refuses(folder.resolve(name).toString(), "no regular file"));
  }

  @Test
  void noTokenizer() throws IOException {
    Files.delete(folder.resolve("tokenizer.json"));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThatThrownBy(checkpoint::tokenizer)
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll(folder.toString(), "tokenizer.json", "copy it");
    }
  }

  @Test
  void foreignChatTemplateNamesRaw() {
    edit("tokenizer_config.json", "loop_messages = messages", "loop_messages = messages | groupby");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThatThrownBy(checkpoint::chatTemplate)
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll("line 1", "groupby", "raw");
    }
  }

  @Test
  void maskFromTheTokenizerWhenTheConfigurationHasNone() {
    edit("config.json", "\"mask_token_id\": 319,", "");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.config().maskTokenId()).isEqualTo(319);
    }
  }

  @Test
  void truncatedWeights() throws IOException {
    Path file = folder.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length - 100));
    refuses("model.safetensors");
  }

  @Test
  void missingTensor() throws IOException {
    editWeights(tensors -> tensors.remove(Q));
    refuses(folder.toString(), "lacks " + Q);
  }

  @Test
  void extraTensor() throws IOException {
    editWeights(tensors -> tensors.put("lora.weight", tensors.get(Q)));
    refuses(folder.toString(), "lora.weight");
  }

  @Test
  void wrongShape() throws IOException {
    editWeights(tensors -> tensors.put(Q, tensors.get(Q).rows(32)));
    refuses(Q, "(32, 64)", "(64, 64)");
  }

  @Test
  void wrongType() throws IOException {
    // F32 of one name becomes I32 by editing the header in place: the length stays the same.
    Path file = folder.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    String header = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
    int at = header.indexOf("F32", header.indexOf(Q));
    bytes[at] = 'I';
    Files.write(file, bytes);
    refuses("model.safetensors", Q, "I32");
  }

  @Test
  void nanWeightIsNamedOnceItShows() throws IOException {
    editWeights(
        tensors -> {
          Tensor q = tensors.get(Q);
          float[] values = q.toArray();
          values[77] = Float.NaN;
          Tensor damaged = Tensor.allocate(Arena.ofAuto(), DType.F32, q.shape().toArray());
          damaged.write(values);
          tensors.put(Q, damaged);
        });
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose("vector", 1);
        MaskPredictor predictor =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), 64)) {
      assertThatThrownBy(
              () ->
                  new DiffusionSampler(predictor, checkpoint.config())
                      .generate(
                          new int[][] {{1, 2}},
                          null,
                          SamplerOptions.defaults().toBuilder().lengths(4, 4, 4).build(),
                          RandomSource.seeded(0),
                          StepListener.NONE))
          .isInstanceOf(NonFiniteLogitsException.class)
          .hasMessageContaining("NaN");
      assertThat(checkpoint.firstNonFinite()).contains("tensor " + Q + " holds NaN at element 77");
    }
  }
}
