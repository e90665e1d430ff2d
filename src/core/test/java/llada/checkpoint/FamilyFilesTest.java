package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import it.unimi.dsi.fastutil.ints.IntList;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.GoldenFolders;
import llada.api.MemoryNeed;
import llada.format.Json;
import llada.format.Safetensors;
import llada.kernel.Parallel;
import llada.kernel.ScalarKernels;
import llada.kernel.scalar.Router;
import llada.model.Architecture;
import llada.model.AttentionConfig;
import llada.model.FeedForwardConfig;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;
import llada.model.RopeScaling;
import llada.model.SpecialTokens;
import llada.model.TokenBatch;
import llada.model.WeightTable;
import llada.tensor.DType;
import llada.tensor.Tensor;
import llada.tokenizer.SyntheticVocabulary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Files of the family that we write say what they should, and are read as what they were. */
class FamilyFilesTest {
  private static final int VOCABULARY = 320;
  private static final int[] IDS = {319, 4, 77, 319, 130, 9, 201, 319, 5};

  @TempDir Path temp;

  private static Router sigmoid(int groups, int used) {
    return new Router(Router.Scores.SIGMOID, Router.Bias.SELECTION, true, 2.5f, groups, used);
  }

  private static AttentionConfig attention(
      int kvHeads, int headDim, int rotary, RopeScaling scaling, boolean extras, int block) {
    return new AttentionConfig(
        4, kvHeads, headDim, rotary, 10000, scaling, extras, extras, extras, block);
  }

  private static LladaConfig config(
      Architecture architecture, AttentionConfig attention, List<FeedForwardConfig> feedForwards) {
    boolean mask = architecture != Architecture.LLAMA;
    boolean tied = architecture == Architecture.LLAMA;
    return new LladaConfig(
        architecture,
        64,
        feedForwards.size(),
        attention,
        feedForwards,
        VOCABULARY,
        VOCABULARY,
        64,
        1e-5,
        tied,
        new SpecialTokens(
            mask ? OptionalInt.of(319) : OptionalInt.empty(),
            315,
            314,
            OptionalInt.of(316),
            OptionalInt.of(317),
            IntList.of(318)));
  }

  /** One of each, with everything that it may have. */
  static Stream<LladaConfig> configs() {
    FeedForwardConfig.Dense dense = new FeedForwardConfig.Dense(96);
    Router weight = new Router(Router.Scores.SOFTMAX, Router.Bias.WEIGHT, false, 1, 1, 1);
    RopeScaling llama3 = new RopeScaling.Llama3(8, 1, 4, 32);
    return Stream.of(
        config(
            Architecture.LLADA2,
            attention(2, 24, 12, RopeScaling.NONE, true, 8),
            List.of(dense, dense, new FeedForwardConfig.Experts(8, 3, 32, 64, sigmoid(4, 2)))),
        config(
            Architecture.LLADA2,
            attention(4, 16, 16, RopeScaling.NONE, false, 32),
            List.of(new FeedForwardConfig.Experts(6, 2, 32, 0, sigmoid(1, 1)))),
        config(
            Architecture.LLADA_MOE,
            attention(2, 16, 8, RopeScaling.NONE, true, AttentionConfig.FULL),
            List.of(dense, new FeedForwardConfig.Experts(8, 3, 32, 96, weight))),
        config(
            Architecture.LLADA_MOE,
            attention(4, 16, 16, RopeScaling.NONE, false, AttentionConfig.FULL),
            List.of(new FeedForwardConfig.Experts(4, 4, 32, 0, Router.SOFTMAX))),
        config(
            Architecture.LLAMA,
            attention(1, 24, 24, llama3, false, AttentionConfig.CAUSAL),
            List.of(dense, dense)),
        config(
            Architecture.LLAMA,
            attention(4, 16, 16, RopeScaling.NONE, false, AttentionConfig.CAUSAL),
            List.of(dense)));
  }

  private static SyntheticModel synthetic(LladaConfig config, QuantizationMix mix) {
    Map<Integer, String> special = new LinkedHashMap<>();
    special.put(314, "<pad>");
    special.put(315, "<|endoftext|>");
    special.put(316, config.architecture().endOfTurn());
    special.put(317, "<|startoftext|>");
    special.put(318, "<|eom_id|>");
    special.put(319, "<|mask|>");
    return new SyntheticModel(
        "synthetic",
        config,
        SyntheticVocabulary.of(VOCABULARY, special, VOCABULARY),
        mix,
        Optional.empty(),
        7);
  }

  private Path gguf(LladaConfig config, QuantizationMix mix) {
    Path file = temp.resolve("model.gguf");
    synthetic(config, mix).write(file, Parallel.SERIAL, (_, _) -> {});
    return file;
  }

  private static float[] logits(Checkpoint checkpoint) {
    try (MaskPredictor predictor =
        new MaskPredictor(
            checkpoint.config(), checkpoint.weights(), new ScalarKernels(), IDS.length)) {
      return predictor
          .forward(TokenBatch.of(IDS), IntStream.range(0, IDS.length).toArray())
          .toArray();
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void aGgufFileAndAFolderAreTheSameModel(LladaConfig config) {
    Path folder = temp.resolve("folder");
    float[] expected;
    try (Checkpoint checkpoint = Checkpoint.open(gguf(config, QuantizationMix.F32))) {
      equal(checkpoint.config(), config);
      expected = logits(checkpoint);
      assertThat(expected).hasSize(IDS.length * VOCABULARY).doesNotContain(Float.NaN);
      HuggingFaceFolder.write(
          folder,
          checkpoint,
          beside ->
              Safetensors.write(
                  beside.resolve("model.safetensors"), checkpoint.weightsByName(), Map.of()));
    }
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      equal(checkpoint.config(), config);
      assertThat(checkpoint.config().attention().scaling()).isEqualTo(config.attention().scaling());
      assertThat(logits(checkpoint)).containsExactly(expected, offset());
    }
  }

  /** Rotary frequencies are divided by rounded divisors in one of the two. */
  private static org.assertj.core.data.Offset<Float> offset() {
    return org.assertj.core.data.Offset.offset(1e-5f);
  }

  /** All but the scaling, which a GGUF file has as divisors. */
  private static void equal(LladaConfig found, LladaConfig config) {
    assertThat(found)
        .usingRecursiveComparison()
        .ignoringFields("attention.scaling")
        .withComparatorForType(
            (a, b) -> Float.compare(a.floatValue(), b.floatValue()), Double.class)
        .isEqualTo(config);
  }

  @ParameterizedTest
  @MethodSource("configs")
  void quantisedFilesKeepWhatRoutes(LladaConfig config) {
    try (Checkpoint checkpoint = Checkpoint.open(gguf(config, QuantizationMix.Q8_0))) {
      assertThat(checkpoint.tensors())
          .allSatisfy(
              tensor -> {
                boolean routes =
                    tensor.name().contains("gate_inp") || tensor.name().contains("exp_probs_b");
                boolean vector = tensor.shape().rank() == 1;
                assertThat(tensor.type()).isEqualTo(routes || vector ? "F32" : "Q8_0");
              });
      assertThat(logits(checkpoint)).doesNotContain(Float.NaN);
    }
  }

  static Stream<Arguments> layouts() {
    BiConsumer<Map<String, Tensor>, Arena> merged =
        (all, arena) -> stack(all, arena, "experts.", ".weight");
    BiConsumer<Map<String, Tensor>, Arena> bare = (all, arena) -> stack(all, arena, "experts.", "");
    BiConsumer<Map<String, Tensor>, Arena> mlx =
        (all, arena) -> stack(all, arena, "switch_mlp.", ".weight");
    return Stream.of(
        Arguments.of("dFactory", merged),
        Arguments.of("dFactory, without a suffix", bare),
        Arguments.of("mlx", mlx),
        Arguments.of("dInfer", (BiConsumer<Map<String, Tensor>, Arena>) FamilyFilesTest::fuse));
  }

  private static void stack(Map<String, Tensor> all, Arena arena, String between, String suffix) {
    for (String prefix : prefixes(all)) {
      for (String which : List.of("gate_proj", "up_proj", "down_proj")) {
        all.put(prefix + between + which + suffix, joined(take(all, prefix, which), arena));
      }
    }
  }

  private static void fuse(Map<String, Tensor> all, Arena arena) {
    for (String prefix : prefixes(all)) {
      List<Tensor> gates = take(all, prefix, "gate_proj");
      List<Tensor> ups = take(all, prefix, "up_proj");
      List<Tensor> both = new ArrayList<>();
      for (int e = 0; e < gates.size(); e++) {
        Tensor pair = joined(List.of(gates.get(e), ups.get(e)), arena);
        both.add(pair.slice(0, 2 * pair.shape().dim(1), pair.shape().dim(2)));
      }
      all.put(prefix + "w1", joined(both, arena));
      all.put(prefix + "w2", joined(take(all, prefix, "down_proj"), arena));
    }
  }

  private static List<String> prefixes(Map<String, Tensor> all) {
    return all.keySet().stream()
        .filter(name -> name.endsWith("experts.0.gate_proj.weight"))
        .map(name -> name.substring(0, name.indexOf("experts.0.")))
        .toList();
  }

  private static List<Tensor> take(Map<String, Tensor> all, String prefix, String which) {
    List<Tensor> experts = new ArrayList<>();
    Tensor expert = all.remove(prefix + "experts.0." + which + ".weight");
    while (expert != null) {
      experts.add(expert);
      expert = all.remove(prefix + "experts." + experts.size() + "." + which + ".weight");
    }
    return experts;
  }

  private static Tensor joined(List<Tensor> tensors, Arena arena) {
    Tensor first = tensors.getFirst();
    Tensor all =
        Tensor.allocate(
            arena, DType.F32, tensors.size(), first.shape().dim(0), first.shape().dim(1));
    for (int e = 0; e < tensors.size(); e++) {
      all.slice(e * first.shape().elements(), first.shape().toArray())
          .write(tensors.get(e).toArray());
    }
    return all;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("layouts")
  void expertsThatAnotherProgramHasJoined(
      String program, BiConsumer<Map<String, Tensor>, Arena> change) throws IOException {
    for (Architecture architecture : List.of(Architecture.LLADA2, Architecture.LLADA_MOE)) {
      for (Path golden : GoldenFolders.checkpoints(architecture)) {
        Path folder = Files.createTempDirectory(temp, "joined");
        for (String name : List.of("config.json", "tokenizer.json", "generation_config.json")) {
          Files.copy(golden.resolve(name), folder.resolve(name));
        }
        try (Arena arena = Arena.ofShared()) {
          Map<String, Tensor> tensors =
              new LinkedHashMap<>(
                  Safetensors.open(golden.resolve("model.safetensors"), arena).tensors());
          int before = tensors.size();
          change.accept(tensors, arena);
          assertThat(tensors.size()).as(program).isLessThan(before);
          Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
        }
        try (Checkpoint one = Checkpoint.open(golden);
            Checkpoint other = Checkpoint.open(folder)) {
          assertThat(logits(other)).isEqualTo(logits(one));
        }
      }
    }
  }

  /** The config.json of LLaDA2.0-mini: one key of the class is absent, some say nothing. */
  @Test
  void publishedConfigurationsAreTheShapes() {
    String text =
        """
        {"architectures": ["LLaDA2MoeModelLM"], "model_type": "llada2_moe", "attention_dropout": 0.0,
         "embedding_dropout": 0.0, "first_k_dense_replace": 1, "head_dim": 128, "hidden_act": "silu",
         "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 5120,
         "max_position_embeddings": 32768, "max_window_layers": 28, "moe_intermediate_size": 512,
         "moe_router_enable_expert_bias": true, "n_group": 8, "norm_head": false,
         "norm_softmax": false, "norm_topk_prob": true, "num_attention_heads": 16,
         "num_experts": 256, "num_experts_per_tok": 8, "num_hidden_layers": 20,
         "num_key_value_heads": 4, "num_shared_experts": 1, "output_dropout": 0.0,
         "output_router_logits": false, "pad_token_id": 156892, "partial_rotary_factor": 0.5,
         "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 600000, "rotary_dim": 64,
         "routed_scaling_factor": 2.5, "router_dtype": "fp32", "score_function": "sigmoid",
         "sliding_window": 4096, "tie_word_embeddings": false, "topk_group": 4, "use_bias": false,
         "use_cache": false, "use_qkv_bias": false, "use_sliding_window": false,
         "vocab_size": 157184}""";
    LladaConfig mini = read(text);
    LladaConfig wanted = PublishedShape.LLADA2_MINI.config(20);
    assertThat(mini.withBlock(32))
        .usingRecursiveComparison()
        .ignoringFields("tokens")
        .isEqualTo(wanted);
    // Neither file nor tokenizer names mask and end: they are Ling's.
    assertThat(mini.maskTokenId()).isEqualTo(156895);
    assertThat(mini.eosTokenId()).isEqualTo(156892);
    assertThat(WeightTable.parameters(mini) / 1e9).isBetween(16.25, 16.27);
    // The report's 0.79 billion, and the head's 0.32.
    assertThat(WeightTable.activeParameters(mini) / 1e9).isBetween(1.10, 1.12);
    assertThat(WeightTable.parameters(PublishedShape.LLADA_MOE.config(16)) / 1e9)
        .isBetween(7.35, 7.37);
    assertThat(WeightTable.parameters(PublishedShape.LLAMA3_8B.config(32)))
        .isEqualTo(8_030_261_248L);
    assertThat(
            read(text.replace("\"num_key_value_heads\": 4", "\"num_key_value_heads\": 0"))
                .nKvHeads())
        .isEqualTo(16);
    assertThat(read(text.replace("\"use_bias\": false,", "")).attention().outBias()).isTrue();
  }

  private static LladaConfig read(String text) {
    return HuggingFaceConfig.read(
        Json.parse(text.getBytes(java.nio.charset.StandardCharsets.UTF_8), "config.json"),
        OtherFiles.NONE);
  }

  @Test
  void buffersOfExpertsAreCounted() {
    LladaConfig mini = PublishedShape.LLADA2_MINI.config(20);
    long one = MemoryNeed.of(mini, List.of(), 1).activationBytes();
    long row = 8L * (2048 + 2 * 512) + 256 + 2048;
    assertThat(one - 4 * (row + 157184)).isBetween(0L, 4L * 12 * 2048 + 4 * 3 * 5120);
  }

  @Test
  void specialTokensOfTheShapesAreWhereThePublishedOnesAre() {
    for (PublishedShape shape : PublishedShape.values()) {
      LladaConfig config = shape.config(shape.layers());
      Map<Integer, String> special = shape.specialTokens();
      assertThat(special.get(config.eotTokenId().orElseThrow()))
          .isEqualTo(config.architecture().endOfTurn());
      config
          .tokens()
          .mask()
          .ifPresent(mask -> assertThat(config.architecture().masks()).contains(special.get(mask)));
      assertThat(special).containsKeys(config.eosTokenId(), config.bosTokenId().orElseThrow());
    }
  }
}
