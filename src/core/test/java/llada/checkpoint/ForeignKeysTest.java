package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import llada.Golden;
import llada.format.FormatException;
import llada.format.Gguf;
import llada.format.GgufWriter;
import llada.format.Json;
import llada.format.Safetensors;
import llada.tensor.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a model's files say beside what is read: refused if it changes numbers or ids. */
class ForeignKeysTest {
  @TempDir Path temp;
  private Path folder;
  private Path gguf;

  @BeforeEach
  void copy() throws IOException {
    folder = Files.createDirectory(temp.resolve("model"));
    gguf = temp.resolve("model.gguf");
    try (Stream<Path> files = Files.list(Golden.resources().resolve("golden/tiny-llada"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
  }

  private void edit(String file, String from, String to) throws IOException {
    String text = Files.readString(folder.resolve(file));
    assertThat(text).contains(from);
    Files.writeString(folder.resolve(file), text.replace(from, to));
  }

  /** Copies a GGUF file with some metadata changed; null takes a key away. */
  private void editGguf(Map<String, Object> changes) {
    try (Arena arena = Arena.ofShared()) {
      Gguf from = Gguf.open(Golden.resources().resolve("gguf/tiny-llada-F32.gguf"), arena);
      Map<String, Object> metadata = new LinkedHashMap<>(from.metadata());
      changes.forEach(metadata::put);
      GgufWriter out = new GgufWriter();
      metadata.forEach(
          (key, value) -> {
            switch (value) {
              case null -> {}
              case String text -> out.string(key, text);
              case Boolean bool -> out.bool(key, bool);
              case Long number -> out.uint32(key, number);
              case Float number -> out.float32(key, number);
              case List<?> list when list.getFirst() instanceof String ->
                  out.strings(key, list.stream().map(String.class::cast).toList());
              case List<?> list ->
                  out.int32s(key, list.stream().mapToInt(i -> ((Long) i).intValue()).toArray());
              default -> throw new AssertionError(key + " " + value.getClass());
            }
          });
      from.tensors().forEach((name, t) -> out.tensor(name, t.dtype(), t.shape()));
      out.write(gguf, (entry, sink) -> sink.write(from.tensor(entry.name()).data()));
    }
  }

  private static void refuses(Path model, String... parts) {
    assertThatThrownBy(() -> Checkpoint.open(model).close())
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(parts)
        .hasMessageContaining(model.toString());
  }

  private static double theta(Path model) {
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      return checkpoint.config().ropeTheta();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      textBlock =
          """
          "rope_scaling": {"type": "linear", "factor": 4.0}                   | rope_scaling: type is linear
          "rope_scaling": {"factor": 4.0}                                     | rope_scaling: factor is 4.0
          "rope_scaling": {"rope_type": "yarn", "factor": 2.0}                | rope_scaling: rope_type is yarn
          "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0}  | rope_parameters: rope_type is llama3
          "rope_parameters": {"rope_theta": 20000}                            | rope_parameters: rope_theta is 20000, but
          "rope_parameters": {"partial_rotary_factor": 0.5}                   | partial_rotary_factor is 0.5
          "rope_parameters": {"full_attention": {"rope_theta": 1}}            | full_attention is
          "sliding_window": 512                                               | sliding_window is 512
          "final_logit_softcapping": 30.0                                     | final_logit_softcapping is 30.0
          "logit_scale": 0.5                                                  | logit_scale is 0.5
          "embedding_multiplier": 12                                          | embedding_multiplier is 12
          "attention_bias": true                                              | attention_bias is true
          "clip_qkv": 8                                                       | clip_qkv is 8
          "qk_layernorm": true                                                | qk_layernorm is true
          "partial_rotary_factor": 0.5                                        | partial_rotary_factor is 0.5
          "num_experts": 8                                                    | num_experts is 8
          "block_size": 32                                                    | block_size is 32
          "quantization_config": {"bits": 4}                                  | quantization_config is
          "hidden_act": "gelu"                                                | hidden_act is gelu, but LLaDA's own keys make it silu
          "hidden_size": 128                                                  | hidden_size is 128, but LLaDA's own keys make it 64
          "head_dim": 32                                                      | head_dim is 32, but LLaDA's own keys make it 16
          """)
  void aKeyOfAFolderThatChangesNumbers(String member, String message) throws IOException {
    edit("config.json", "\"alibi\": false", "\"alibi\": false, " + member);
    refuses(folder, "config.json: " + (message.startsWith("rope_") ? message : ""), message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"rope_scaling\": null",
        "\"rope_scaling\": {\"rope_type\": \"default\", \"factor\": 1.0}",
        "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 500000.0}",
        "\"sliding_window\": null, \"use_sliding_window\": false, \"clip_qkv\": null",
        "\"partial_rotary_factor\": 1.0, \"logit_scale\": 1, \"attention_bias\": false",
        "\"torch_dtype\": \"bfloat16\", \"_name_or_path\": \"x\", \"tie_word_embeddings\": false",
        "\"hidden_size\": 64, \"num_key_value_heads\": 4, \"hidden_act\": \"silu\"",
        "\"_attn_implementation\": \"sdpa\", \"activation_checkpointing\": \"whole_layer\"",
        "\"temperature\": 0.7, \"id2label\": {\"0\": \"a\"}, \"note\": \"what it is for\"",
      })
  void aKeyOfAFolderThatDoesNot(String member) throws IOException {
    edit("config.json", "\"alibi\": false", "\"alibi\": false, " + member);
    assertThat(theta(folder)).isEqualTo(500000);
  }

  @Test
  void theBaseOfTheRotaryFrequenciesAsTransformers5WritesIt() throws IOException {
    edit(
        "config.json",
        "\"rope_theta\": 500000.0",
        "\"rope_parameters\": {\"rope_theta\": 700000.0, \"rope_type\": \"default\"}");
    assertThat(theta(folder)).isEqualTo(700000);
  }

  @ParameterizedTest
  @CsvSource({
    "rope.scaling.factor, 4",
    "rope.scale_linear, 4",
    "rope.scaling.attn_factor, 0.5",
    "attention.sliding_window, 512",
    "attention.clamp_kqv, 8",
    "attention.max_alibi_bias, 8",
    "attn_logit_softcapping, 50",
    "final_logit_softcapping, 30",
    "logit_scale, 0.0625",
    "expert_count, 8",
    "attention.key_length, 32",
    "embedding_scale, 12",
    "no_such_key, 3"
  })
  void aKeyOfAGgufFileThatChangesNumbers(String key, float value) {
    editGguf(Map.of("llada." + key, value == (long) value ? (Object) (long) value : value));
    refuses(gguf, "metadata key llada." + key + " is", "remove the key");
  }

  @Test
  void aScalingOfAGgufFileThatChangesNumbers() {
    editGguf(Map.of("llada.rope.scaling.type", "yarn"));
    refuses(gguf, "llada.rope.scaling.type is yarn");
  }

  @Test
  void keysOfAGgufFileThatDoNot() {
    editGguf(
        Map.of(
            "llada.rope.scaling.type", "none",
            "llada.rope.scaling.factor", 1f,
            "llada.rope.scaling.original_context_length", 512L,
            "llada.attention.sliding_window", 0L,
            "llada.attention.key_length", 16L,
            "llada.attention.value_length", 16L,
            "llada.expert_count", 0L,
            "general.license", "mit",
            "tokenizer.ggml.add_space_prefix", false));
    assertThat(theta(gguf)).isEqualTo(500000);
  }

  @Test
  void aTokenizerLargerThanTheEmbedding() throws IOException {
    edit(
        "tokenizer.json",
        "\"added_tokens\": [",
        "\"added_tokens\": [" + "{\"id\": 320, \"content\": \"<more>\", \"special\": true},");
    refuses(folder, "the tokenizer has ids up to 320, but the embedding only 320 rows");
    List<String> tokens;
    List<Object> types;
    try (Arena arena = Arena.ofConfined()) {
      Gguf from = Gguf.open(Golden.resources().resolve("gguf/tiny-llada-F32.gguf"), arena);
      tokens = new ArrayList<>(from.strings("tokenizer.ggml.tokens"));
      types = new ArrayList<>((List<?>) from.metadata().get("tokenizer.ggml.token_type"));
    }
    tokens.add("<more>");
    types.add(3L);
    editGguf(Map.of("tokenizer.ggml.tokens", tokens, "tokenizer.ggml.token_type", types));
    refuses(gguf, "the tokenizer has ids up to 320, but the embedding only 320 rows");
  }

  @Test
  void endsThatCanNeverBeProposed() throws IOException {
    edit("config.json", "\"vocab_size\": 320", "\"vocab_size\": 318");
    refuses(folder, "eos_token_id is 318, but vocab_size 318");
    editGguf(Map.of("llada.vocab_size", 300L));
    refuses(gguf, "eos_token_id is 318, but vocab_size 300");
  }

  @Test
  void aGgufFileWithoutTheNameOfItsSplits() {
    Map<String, Object> changes = new LinkedHashMap<>();
    changes.put("tokenizer.ggml.pre", null);
    editGguf(changes);
    refuses(gguf, "tokenizer.ggml.pre", "is missing");
  }

  @Test
  void aBeginningThatIsNoToken() throws IOException {
    String bos =
        Json.read(folder.resolve("tokenizer_config.json"), 1 << 20).get("bos_token").string();
    edit("tokenizer_config.json", "\"bos_token\": \"" + bos, "\"bos_token\": \"<s>");
    refuses(folder, "tokenizer_config.json: bos_token is \"<s>\", which is no token");
  }

  @ParameterizedTest
  @ValueSource(strings = {"_orig_mod.", "base_model.model.", "module."})
  void namesThatAWrapperHasChanged(String prefix) {
    rewrite(prefix);
    refuses(folder, "a prefix, '" + prefix + "'", "save the unwrapped model");
  }

  @Test
  void metadataThatIsNullIsNone() throws IOException {
    Path file = folder.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    String before = "\"__metadata__\":{\"format\":\"pt\"}";
    assertThat(text).contains(before);
    String after = "\"__metadata__\":null" + " ".repeat(before.length() - 19);
    Files.write(file, text.replace(before, after).getBytes(StandardCharsets.ISO_8859_1));
    assertThat(theta(folder)).isEqualTo(500000);
  }

  private void rewrite(String prefix) {
    Path file = folder.resolve("model.safetensors");
    try (Arena arena = Arena.ofShared()) {
      Map<String, Tensor> renamed = new LinkedHashMap<>();
      Safetensors.open(file, arena).tensors().forEach((n, t) -> renamed.put(prefix + n, t));
      Safetensors.write(file, renamed, Map.of());
    }
  }

  @Test
  void anAdapterIsNoModel() throws IOException {
    Files.delete(folder.resolve("config.json"));
    Files.writeString(folder.resolve("adapter_config.json"), "{}");
    refuses(folder, "a LoRA adapter, no model");
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.safetensors", "tokenizer.json", "config.json"})
  void aPointerInAFilesPlace(String name) throws IOException {
    String pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0".repeat(64) + "\nsize 99\n";
    Files.writeString(folder.resolve(name), pointer);
    refuses(folder, name + ": is a Git LFS pointer", "git lfs pull");
    Files.writeString(gguf, pointer);
    refuses(gguf, "is a Git LFS pointer", "git lfs pull");
  }
}
