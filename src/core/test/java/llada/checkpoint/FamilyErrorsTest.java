package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import it.unimi.dsi.fastutil.ints.IntList;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.stream.Stream;
import llada.GoldenFolders;
import llada.format.FormatException;
import llada.format.Gguf;
import llada.format.GgufWriter;
import llada.format.Safetensors;
import llada.model.Architecture;
import llada.model.LladaConfig;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A file of the family that is wrong is refused in one line that names it, the value and the rule.
 */
class FamilyErrorsTest {
  @TempDir Path temp;
  private Path folder;

  private void copy(Architecture architecture) throws IOException {
    folder = Files.createTempDirectory(temp, "model");
    Path golden = GoldenFolders.example(architecture);
    try (Stream<Path> files = Files.list(golden)) {
      for (Path file :
          files.filter(f -> f.toString().matches(".*[.](json|safetensors)")).toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
  }

  private static void refuses(Path model, String... parts) {
    assertThatThrownBy(() -> Checkpoint.open(model).close())
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(model.toString())
        .hasMessageContainingAll(parts)
        .message()
        .doesNotContain("\n");
  }

  /** Put in front of the first key: a key that is there already is changed. */
  private void set(String member) throws IOException {
    String key = member.substring(0, member.indexOf(':') + 1);
    Path file = folder.resolve("config.json");
    String text = Files.readString(file);
    String changed =
        text.contains(key)
            ? text.replaceFirst(
                key + "\\s*(\\[[^\\]]*\\]|\\{[^}]*\\}|\"[^\"]*\"|[^,\\n}]*)",
                member.replace("\\", "\\\\").replace("$", "\\$"))
            : text.replaceFirst("\\{", "{" + member + ",");
    assertThat(changed).isNotEqualTo(text);
    Files.writeString(file, changed);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      textBlock =
          """
          LLADA2    | "expert_capacity": 48            | expert_capacity is 48; that is LLaDA2.2
          LLADA2    | "score_function": "softmax"      | score_function is softmax; only "sigmoid" is supported
          LLADA2    | "norm_topk_prob": false          | norm_topk_prob is false; only true is supported
          LLADA2    | "use_sliding_window": true       | use_sliding_window is true; only false is supported
          LLADA2    | "rope_scaling": {"type": "yarn"} | rope_scaling: type is yarn
          LLADA2    | "rope_scaling": {"rope_type": "llama3", "factor": 8} | rope_type is llama3
          LLADA2    | "norm_head": true                | norm_head is true; only false is supported
          LLADA2    | "rotary_dim": 16                 | rotary_dim is 16, but the other keys make it 8
          LLADA2    | "hidden_act": "gelu"             | hidden_act is gelu; only "silu" is supported
          LLADA2    | "final_logit_softcapping": 30    | final_logit_softcapping is 30
          LLADA2    | "num_experts": 0                 | num_experts is 0; it must be from 1
          LLADA2    | "num_experts": -8                | num_experts is -8; it must be from 1
          LLADA2    | "num_experts": 2000000000        | num_experts is 2000000000; it must be from 1 to 65536
          LLADA2    | "num_experts": 65536             | lacks model.layers.1.mlp.experts.10.gate_proj.weight
          LLADA2    | "num_experts": 12                | lacks model.layers.1.mlp.experts.10.down_proj.weight
          LLADA2    | "num_experts": "many"            | num_experts is many; an integer is needed
          LLADA2    | "num_experts_per_tok": 9         | goes to 9 of 8 experts
          LLADA2    | "num_experts_per_tok": 5         | 2 of 4 groups are used, of 8 experts; they must hold the 5
          LLADA2    | "n_group": 3                     | 8 experts do not divide into 3 groups
          LLADA2    | "n_group": 8                     | 8 groups of one expert; a group needs two
          LLADA2    | "n_group": 0                     | n_group is 0
          LLADA2    | "topk_group": 5                  | 5 of 4 groups
          LLADA2    | "num_shared_experts": -1         | num_shared_experts is -1
          LLADA2    | "num_shared_experts": 2          | shared_experts.gate_proj.weight is (24, 64), but the configuration makes it (48, 64)
          LLADA2    | "num_shared_experts": 60000 ; "moe_intermediate_size": 16000000 | num_shared_experts times moe_intermediate_size is 960000000000
          LLADA2    | "first_k_dense_replace": 3       | all 3 layers are dense
          LLADA2    | "first_k_dense_replace": 0       | lacks model.layers.0.mlp.experts.0.down_proj.weight
          LLADA2    | "head_dim": 32 ; "rotary_dim": 16 | query_key_value.weight is (128, 64), but the configuration makes it (256, 64)
          LLADA2    | "head_dim": 16000000             | head_dim is 16000000; it must be from 1 to 65536
          LLADA2    | "num_attention_heads": 65536 ; "head_dim": 65536 ; "rotary_dim": 32768 | 65536 heads of 65536 channels; together they may have 16777216
          LLADA2    | "num_attention_heads": 5         | n_heads is 5, which is no multiple of n_kv_heads, 2
          LLADA2    | "partial_rotary_factor": 0.3     | rotary_dim is 8, but the other keys make it 4
          LLADA2    | "partial_rotary_factor": -1      | partial_rotary_factor is -1; it must be above 0, and at most 1
          LLADA2    | "routed_scaling_factor": "x"     | routed_scaling_factor is x; a number is needed
          LLADA2    | "routed_scaling_factor": 1e300   | scaled by Infinity; it must be positive and finite
          LLADA2    | "routed_scaling_factor": -1      | scaled by -1.0; it must be positive and finite
          LLADA2    | "block_size": 0                  | block_size is 0; it must be from 1
          LLADA2    | "use_bias": true                 | lacks model.layers.0.attention.dense.bias
          LLADA2    | "use_qk_norm": false             | holds tensors that a LLaDA of this configuration does not have
          LLADA2    | "num_hidden_layers": 16000000    | num_hidden_layers is 16000000
          LLADA2    | "num_hidden_layers": 4           | lacks model.layers.3
          LLADA2    | "quantization_config": {"bits": 4} | quantization_config is
          LLADA_MOE | "moe_layer_freq": [1]            | moe_layer_freq has 1 entries; it needs one, 0 or 1, for each of 2 layers
          LLADA_MOE | "moe_layer_freq": [1, 2]         | moe_layer_freq[1] is 2
          LLADA_MOE | "moe_layer_freq": [0, 0]         | all 2 layers are dense
          LLADA_MOE | "moe_layer_freq": [0, 1]         | lacks model.layers.0.mlp.down_proj.weight
          LLADA_MOE | "norm_topk_prob": true           | norm_topk_prob is true; only null, false is supported
          LLADA_MOE | "routed_scaling_factor": 2.5     | routed_scaling_factor is 2.5; only 1 is supported
          LLADA_MOE | "moe_router_score_function": "sigmoid" | only "softmax" is supported
          LLADA_MOE | "router_num_group": 4            | router_num_group is 4
          LLADA_MOE | "clip_qkv": 8                    | clip_qkv is 8
          LLADA_MOE | "head_dim": 32                   | head_dim is 32, but the other keys make it 16
          LLADA_MOE | "shared_expert_intermediate_size": -1 | shared_expert_intermediate_size is -1
          LLADA_MOE | "shared_expert_intermediate_size": 32 | lacks model.layers.0.shared_expert.down_proj.weight
          LLADA_MOE | "moe_router_enable_expert_bias": true | lacks model.layers.0.mlp.expert_bias
          LLADA_MOE | "num_key_value_heads": 0         | num_key_value_heads is 0; it must be from 1
          LLADA_MOE | "attention_bias": true           | lacks model.layers.0.self_attn.k_proj.bias
          LLAMA     | "attention_bias": true           | attention_bias is true; only false is supported
          LLAMA     | "mlp_bias": true                 | mlp_bias is true; only false is supported
          LLAMA     | "rope_parameters": {"rope_type": "yarn", "factor": 8} | rope_type is yarn
          LLAMA     | "rope_parameters": {"rope_type": "llama3", "factor": 8} | low_freq_factor is missing
          LLAMA     | "rope_parameters": {"rope_type": "llama3", "factor": 0.5, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 64} | factor 0.5
          LLAMA     | "rope_scaling": {"type": "linear", "factor": 2} | type is linear
          LLAMA     | "sliding_window": 512            | sliding_window is 512
          LLAMA     | "tie_word_embeddings": true      | lm_head.weight
          LLAMA     | "num_experts": 8                 | num_experts is 8
          """)
  void configuration(Architecture architecture, String members, String message) throws IOException {
    copy(architecture);
    for (String member : members.strip().split(" ; ")) {
      set(member);
    }
    refuses(folder, message.strip());
  }

  @ParameterizedTest
  @CsvSource({
    "DreamModel, Dream, whose logits are those of the position before",
    "SDARForCausalLM, sdar, SDAR",
    "DiffusionGemmaForBlockDiffusion, diffusion_gemma, no mask but random tokens",
    "NemotronLabsDiffusionModel, nemotron_labs_diffusion, a Nemotron",
    "BailingMoeV2ForCausalLM, bailing_moe, autoregressive",
    "Qwen3ForCausalLM, qwen3, another family",
    "SomethingElse, something, LLaDA2.0 and 2.1",
  })
  void anotherModelByName(String name, String type, String reason) throws IOException {
    copy(Architecture.LLADA2);
    set("\"architectures\": [\"" + name + "\"]");
    set("\"model_type\": \"" + type + "\"");
    refuses(folder, "model_type and architectures are '" + type + " " + name + "'", reason);
  }

  private void editWeights(Consumer<Map<String, Tensor>> change) throws IOException {
    Path file = folder.resolve("model.safetensors");
    try (Arena arena = Arena.ofShared()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>(Safetensors.open(file, arena).tensors());
      change.accept(tensors);
      Safetensors.write(file, tensors, Map.of());
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"LLADA_MOE", "LLADA2"})
  void weightsOfExperts(Architecture architecture) throws IOException {
    String expert = "model.layers.1.mlp.experts.5.up_proj.weight";
    copy(architecture);
    editWeights(tensors -> tensors.remove(expert));
    refuses(folder, "lacks " + expert);
    copy(architecture);
    editWeights(tensors -> tensors.put(expert, tensors.get(expert).rows(8)));
    refuses(folder, expert + " is (8, 64), but the configuration makes it (");
    copy(architecture);
    editWeights(
        tensors -> tensors.put("model.layers.1.mlp.experts.8.up_proj.weight", tensors.get(expert)));
    refuses(folder, "does not have: model.layers.1.mlp.experts.8.up_proj.weight");
    copy(architecture);
    Path file = folder.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    String header = new String(bytes, StandardCharsets.ISO_8859_1);
    bytes[header.indexOf("F32", header.indexOf(expert))] = 'I';
    Files.write(file, bytes);
    refuses(folder, expert, "I32");
  }

  @Test
  void halfOfWhatAnotherProgramHasJoined() throws IOException {
    copy(Architecture.LLADA2);
    editWeights(
        tensors -> {
          tensors
              .keySet()
              .removeIf(name -> name.matches("model.layers.1.mlp.experts.*.gate_proj.*"));
          tensors.put("model.layers.1.mlp.experts.gate_proj.weight", zeros(7, 24, 64));
        });
    refuses(
        folder,
        "model.layers.1.mlp.experts.gate_proj.weight is (7, 24, 64), but the configuration makes it (8, 24, 64)");
  }

  private static Tensor zeros(long... dims) {
    return Tensor.allocate(Arena.ofAuto(), DType.F32, dims);
  }

  private Path editGguf(Architecture architecture, Map<String, Object> changes) {
    Path golden = GoldenFolders.example(architecture);
    Path file = temp.resolve("model.gguf");
    try (Arena arena = Arena.ofShared()) {
      Gguf from = Gguf.open(GoldenFolders.files(golden, "*.gguf").getFirst(), arena);
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
      out.write(file, (entry, sink) -> sink.write(from.tensor(entry.name()).data()));
    }
    return file;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          LLADA2    | llada2.expert_count                       | 0    | expert_count" is 0; it must be from 1
          LLADA2    | llada2.expert_count                       | 4000000000 | it must be from 1 to 65536
          LLADA2    | llada2.expert_count                       | 16   | is (8, 64), but the configuration makes it (16, 64)
          LLADA2    | llada2.expert_gating_func                 | 1    | llada2.expert_gating_func is 1; only 2 is supported
          LLADA2    | llada2.expert_weights_norm                | no   | llada2.expert_weights_norm is false; only true is supported
          LLADA2    | llada2.expert_weights_scale               |      | expert_weights_scale" is missing
          LLADA2    | llada2.expert_group_count                 | 3    | 8 experts do not divide into 3 groups
          LLADA2    | llada2.expert_group_used_count            | 9    | 9 of 4 groups
          LLADA2    | llada2.expert_shared_feed_forward_length  | 12   | expert_shared_feed_forward_length is 12, but tensor blk.1.ffn_gate_shexp.weight is (24, 64)
          LLADA2    | llada2.expert_feed_forward_length         | 48   | but the configuration makes it (8, 48, 64)
          LLADA2    | llada2.leading_dense_block_count          | 7    | all 3 layers are dense
          LLADA2    | llada2.attention.causal                   | yes  | llada2.attention.causal is true
          LLADA2    | llada2.attention.key_length               | 32   | value_length is 16
          LLADA2    | llada2.rope.dimension_count               | 7    | 7 of a head's 16 channels turn
          LLADA2    | llada2.attention.sliding_window           | 64   | llada2.attention.sliding_window is 64
          LLADA2    | diffusion.shift_logits                    | yes  | diffusion.shift_logits is true
          LLADA2    | diffusion.block_length                    | 0    | diffusion.block_length" is 0
          LLADA2    | general.architecture                      | bailingmoe2 | Ling: LLaDA2's layers, but causal and autoregressive
          LLADA2    | general.architecture                      | dream | Dream, whose logits are those of the position before
          LLADA2    | general.architecture                      | diffusion-gemma | no mask but random tokens
          LLADA_MOE | llada-moe.expert_gating_func              | 2    | expert_gating_func is 2; only 1 is supported
          LLADA_MOE | llada-moe.expert_weights_norm             | yes  | expert_weights_norm is true; only false is supported
          LLADA_MOE | llada-moe.expert_weights_scale            | 2    | expert_weights_scale is 2.0; only 1.0 is supported
          LLADA_MOE | llada-moe.expert_used_count               | 9    | goes to 9 of 8 experts
          """)
  void metadata(Architecture architecture, String key, String value, String message) {
    Map<String, Object> change = new LinkedHashMap<>();
    change.put(
        key,
        switch (value) {
          case null -> null;
          case "yes" -> true;
          case "no" -> false;
          default -> value.matches("\\d+") ? (Object) Long.parseLong(value) : value;
        });
    refuses(editGguf(architecture, change), message);
  }

  @Test
  void aGgufFileWithoutTheIdOfItsMaskHasTheTokenizers() {
    Map<String, Object> change = new LinkedHashMap<>();
    change.put("tokenizer.ggml.mask_token_id", null);
    try (Checkpoint checkpoint = Checkpoint.open(editGguf(Architecture.LLADA2, change))) {
      assertThat(checkpoint.config().maskTokenId()).isEqualTo(300);
      assertThat(checkpoint.config().attention().block()).isEqualTo(32);
    }
  }

  private LladaConfig config() {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return checkpoint.config();
    }
  }

  @Test
  void whatEndsAnAnswer() throws IOException {
    copy(Architecture.LLADA2);
    LladaConfig plain = config();
    assertThat(plain.eosTokenId()).isEqualTo(297); // generation_config.json names it alone
    assertThat(plain.maskTokenId()).isEqualTo(300);
    assertThat(plain.eotTokenId()).isPresent();
    assertThat(plain.ends(plain.eotTokenId().getAsInt())).isTrue();
    int turn = plain.eotTokenId().getAsInt();
    set("\"eos_token_id\": [12, 297, " + turn + ", 13]");
    assertThat(config().eosTokenId()).isEqualTo(12);
    assertThat((Object) config().tokens().otherEnds()).isEqualTo(IntList.of(297, 13));
    set("\"eos_token_id\": [12, 99999]");
    refuses(folder, "eos_token_id is 99999; it must be from 0 to 319");
    Files.delete(folder.resolve("generation_config.json"));
    set("\"eos_token_id\": null");
    assertThat(config().eosTokenId()).isEqualTo(297); // the tokenizer's
    assertThat(config().maskTokenId()).isEqualTo(300);
    Files.delete(folder.resolve("tokenizer.json"));
    Files.delete(folder.resolve("tokenizer_config.json"));
    refuses(folder, "eos_token_id is missing");
    set("\"eos_token_id\": 297");
    refuses(folder, "mask_token_id is missing and the tokenizer has no <|mask|>", "156895");
    set("\"mask_token_id\": 300");
    assertThat(config().maskTokenId()).isEqualTo(300);
  }

  @Test
  void anAutoregressiveModelHasNoMask() throws IOException {
    copy(Architecture.LLAMA);
    assertThat(config().tokens().mask()).isEmpty();
    assertThat(config().bosTokenId()).isEqualTo(OptionalInt.of(1));
    assertThatThrownBy(() -> config().maskTokenId())
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("autoregressive");
  }

  @Test
  void blocksOfAnotherLength() throws IOException {
    copy(Architecture.LLADA2);
    assertThat(config().attention().block()).isEqualTo(32);
    Path generation = folder.resolve("generation_config.json");
    Files.writeString(
        generation, Files.readString(generation).replace("{", "{\"block_length\": 16, "));
    assertThat(config().attention().block()).isEqualTo(16);
    set("\"block_size\": 8");
    assertThat(config().attention().block()).isEqualTo(8);
  }
}
