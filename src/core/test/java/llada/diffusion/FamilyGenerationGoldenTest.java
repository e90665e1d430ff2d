package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import llada.Golden;
import llada.GoldenFolders;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.diffusion.BlockDiffusion.Context;
import llada.format.Json;
import llada.format.Safetensors;
import llada.kernel.Kernels;
import llada.kernel.Precision;
import llada.model.Architecture;
import llada.model.CacheReader;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;
import llada.model.SpecialTokens;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whole generations of the family's published decoders, step by step, fed with the random numbers
 * that they drew: proposals, probabilities, what was filled in and what was edited.
 */
final class FamilyGenerationGoldenTest {
  private static final List<String> BACKENDS = List.of("scalar", "vector", "auto");

  private static Stream<Arguments> cases(Architecture architecture) {
    List<Arguments> cases = new ArrayList<>();
    for (Path folder : GoldenFolders.checkpoints(architecture)) {
      for (Path file : GoldenFolders.files(folder, "golden/generate/*.json")) {
        BACKENDS.forEach(backend -> cases.add(Arguments.of(folder, file, backend)));
      }
    }
    return GoldenFolders.need(cases, "generation by " + architecture);
  }

  static Stream<Arguments> blockCases() {
    return cases(Architecture.LLADA2);
  }

  static Stream<Arguments> anyOrderCases() {
    return cases(Architecture.LLADA_MOE);
  }

  static Stream<Arguments> leftToRightCases() {
    return cases(Architecture.LLAMA);
  }

  @AfterAll
  static void everyFileIsCompared() {
    GoldenFolders.requireAll(FamilyGenerationGoldenTest.class);
  }

  /** A model and a recorded generation. */
  private interface Use {
    void of(LladaConfig config, MaskPredictor predictor, Json golden, RandomSource random);
  }

  private static void with(Path folder, Path file, String backendName, Use use) {
    Json golden = Golden.json(file);
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose(backendName, 2, Precision.EXACT);
        Arena arena = Arena.ofShared();
        MaskPredictor predictor =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), 128)) {
      use.of(
          withEos(checkpoint.config(), golden.get("params")),
          predictor,
          golden,
          recorded(file, arena));
    }
    GoldenFolders.compared(file);
  }

  @ParameterizedTest
  @MethodSource("blockCases")
  void blocksAreFilledAsPublished(Path folder, Path file, String backend) {
    with(
        folder,
        file,
        backend,
        (config, predictor, golden, random) -> {
          SamplerOptions options = blockOptions(golden.get("params"));
          if (golden.get("attention").string().equals("published_bias")) {
            assertThat(Context.of(options)).isEqualTo(Context.PUBLISHED_BIAS);
            compareBlocks(config, predictor, golden, random, Context.of(options));
          } else {
            compareBlocks(config, predictor, golden, random, Context.RECOMPUTED);
            compareBlocks(config, predictor, golden, random, Context.CACHED);
            comparePrefill(config, predictor, golden, file);
          }
        });
  }

  private static void compareBlocks(
      LladaConfig config,
      MaskPredictor predictor,
      Json golden,
      RandomSource random,
      Context context) {
    int[] prompt = ints(golden.get("prompt"));
    SamplerOptions options = blockOptions(golden.get("params"));
    int length = (int) golden.get("params").get("block_length").integer();
    int first = (int) golden.get("prefill_blocks").integer();
    List<Json> steps = golden.get("steps").list();
    int seen = 0;
    try (BlockDiffusion process =
        new BlockDiffusion(predictor, config, options, random, prompt, context, Optional.empty())) {
      while (!process.done()) {
        Tensor logits = predictor.forward(process.plan().orElseThrow());
        StepListener.Step step = process.commit(logits).orElseThrow();
        assertThat(seen).as(golden.where()).isLessThan(steps.size());
        Json wanted = steps.get(seen++);
        assertThat(step.block() + first).isEqualTo((int) wanted.get("block").integer());
        assertThat(step.step()).isEqualTo((int) wanted.get("step").integer());
        compareBlock(step, wanted, (step.block() + first) * length, length, prompt.length);
      }
      assertThat(seen).isEqualTo(steps.size());
      assertThat(process.generation().answer(0)).isEqualTo(ints(golden.get("output")));
    }
  }

  private static void compareBlock(
      StepListener.Step step, Json wanted, int from, int length, int promptLength) {
    String where = wanted.where();
    int[] x = Arrays.copyOfRange(step.x()[0], from, from + length);
    assertThat(x).as(where).isEqualTo(ints(wanted.get("x_after")));
    int[] before = ints(wanted.get("x_before"));
    int[] x0 = ints(wanted.get("x0"));
    List<Integer> filled = new ArrayList<>();
    List<Integer> edited = new ArrayList<>();
    for (int position : step.revealed()[0]) {
      boolean mask = before[position - from] == 300;
      (mask ? filled : edited).add(position - from);
    }
    assertThat(filled.stream().sorted()).as(where).containsExactly(boxed(wanted.get("m2t")));
    assertThat(edited.stream().sorted()).as(where).containsExactly(boxed(wanted.get("t2t")));
    int proposed = 0;
    for (int i = 0; i < length; i++) {
      double p = step.confidence()[0][from + i];
      if (p != Double.NEGATIVE_INFINITY) { // a proposal that the decoder looks at
        proposed++;
        assertThat(step.x0()[0][from + i]).as(where).isEqualTo(x0[i]);
        near(p, wanted.get("p").get(i));
      } else {
        assertThat(before[i]).as(where).isNotEqualTo(300);
      }
    }
    assertThat(proposed).isPositive();
    assertThat(promptLength).isPositive();
  }

  /** The first pass leaves keys and values of the prompt's whole blocks. */
  private static void comparePrefill(
      LladaConfig config, MaskPredictor predictor, Json golden, Path file) {
    Path prefill =
        file.resolveSibling(
            file.getFileName().toString().replace(".json", ".prefill_kv.safetensors"));
    if (!Files.exists(prefill)) {
      assertThat(golden.get("prefill_kv").isNull()).isTrue();
      return;
    }
    int[] prompt = ints(golden.get("prompt"));
    SamplerOptions options = blockOptions(golden.get("params"));
    try (KeptPrefix kept = new KeptPrefix();
        Arena arena = Arena.ofShared();
        BlockDiffusion process =
            new BlockDiffusion(
                predictor,
                config,
                options,
                RandomSource.seeded(0),
                prompt,
                Context.CACHED,
                Optional.of(kept))) {
      predictor.forward(process.plan().orElseThrow());
      Safetensors wanted = Safetensors.open(prefill, arena);
      Kernels kernels = predictor.kernels();
      for (int layer = 0; layer < config.nLayers(); layer++) {
        Tensor k = wanted.tensor("layers.%d.k".formatted(layer));
        Tensor v = wanted.tensor("layers.%d.v".formatted(layer));
        int count = k.dim(1);
        nearHeads(CacheReader.keys(kept.cache(), layer, count, kernels), k);
        nearHeads(CacheReader.values(kept.cache(), layer, count, kernels), v);
      }
    }
    GoldenFolders.compared(prefill);
  }

  /** Rows of all heads against (heads, P, D). */
  private static void nearHeads(Tensor found, Tensor wanted) {
    int heads = wanted.dim(0);
    int tokens = wanted.dim(1);
    int d = wanted.dim(2);
    for (int h = 0; h < heads; h++) {
      for (int t = 0; t < tokens; t++) {
        for (int c = 0; c < d; c++) {
          float value = found.get(((long) t * heads + h) * d + c);
          float other = wanted.get(((long) h * tokens + t) * d + c);
          assertThat(Math.abs(value - other)).isLessThan(2e-4f);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("anyOrderCases")
  void masksAreFilledAsPublished(Path folder, Path file, String backend) {
    with(
        folder,
        file,
        backend,
        (config, predictor, golden, random) -> {
          Json params = golden.get("params");
          SamplerOptions options =
              SamplerOptions.defaults().toBuilder()
                  .lengths(
                      (int) params.get("steps").integer(),
                      (int) params.get("gen_length").integer(),
                      (int) params.get("block_length").integer())
                  .temperature(params.get("temperature").or(0.0).number())
                  .remasking(
                      params.get("remasking").isNull()
                          ? Remasking.LOW_CONFIDENCE
                          : Remasking.valueOf(
                              params.get("remasking").string().toUpperCase(Locale.ROOT)))
                  .mode(SamplerMode.PUBLISHED)
                  .build();
          List<Json> steps = golden.get("steps").list();
          int[] seen = {0};
          Generation generation =
              new DiffusionSampler(predictor, config)
                  .generate(
                      new int[][] {ints(golden.get("prompt").get(0))},
                      null,
                      options,
                      random,
                      step -> compareMasks(step, steps.get(seen[0]++)));
          assertThat(seen[0]).isEqualTo(steps.size());
          assertThat(generation.x()[0]).isEqualTo(ints(golden.get("output").get(0)));
        });
  }

  private static void compareMasks(StepListener.Step step, Json wanted) {
    String where = wanted.where();
    assertThat(step.x0()[0]).as(where).isEqualTo(ints(wanted.get("x0")));
    assertThat(Arrays.stream(step.revealed()[0]).sorted().toArray())
        .as(where)
        .isEqualTo(Arrays.stream(ints(wanted.get("transfer"))).sorted().toArray());
    assertThat(step.x()[0]).as(where).isEqualTo(ints(wanted.get("x")));
    for (int i = 0; i < step.x()[0].length; i++) {
      Json confidence = wanted.get("confidence").get(i);
      if (confidence.isNull()) {
        assertThat(step.confidence()[0][i]).as(where).isEqualTo(Double.NEGATIVE_INFINITY);
      } else {
        near(step.confidence()[0][i], confidence);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("leftToRightCases")
  void tokensFollowAsPublished(Path folder, Path file, String backend) {
    with(
        folder,
        file,
        backend,
        (config, predictor, golden, random) -> {
          for (SamplerMode mode : SamplerMode.values()) { // with and without the cache
            compareTokens(config, predictor, golden, random, mode);
          }
        });
  }

  private static void compareTokens(
      LladaConfig config,
      MaskPredictor predictor,
      Json golden,
      RandomSource random,
      SamplerMode mode) {
    int most = (int) golden.get("max_new_tokens").integer();
    SamplerOptions options =
        SamplerOptions.defaults().toBuilder().lengths(most, most, most).mode(mode).build();
    List<Json> steps = golden.get("steps").list();
    int seen = 0;
    int[] prompt = ints(golden.get("prompt"));
    try (LeftToRight process =
        new LeftToRight(predictor, config, options, random, prompt, Optional.empty())) {
      while (!process.done()) {
        Tensor logits = predictor.forward(process.plan().orElseThrow());
        double margin = margin(logits);
        StepListener.Step step = process.commit(logits).orElseThrow();
        Json wanted = steps.get(seen++);
        int last = step.x()[0].length - 1;
        assertThat(step.x()[0][last]).isEqualTo((int) wanted.get("token").integer());
        near(step.confidence()[0][last], wanted.get("p"));
        assertThat(Math.abs(margin - wanted.get("margin").number())).isLessThan(4e-4);
      }
      assertThat(process.generation().answer(0)).isEqualTo(ints(golden.get("output")));
    }
  }

  private static double margin(Tensor logits) {
    double[] row = new double[logits.dim(1)];
    Arrays.setAll(row, v -> logits.get(v));
    Arrays.sort(row);
    return row[row.length - 1] - row[row.length - 2];
  }

  private static SamplerOptions blockOptions(Json params) {
    int length = (int) params.get("gen_length").integer();
    Json edit = params.get("editing_threshold");
    Optional<BlockOptions.Editing> editing =
        edit.isNull()
            ? Optional.empty()
            : Optional.of(
                new BlockOptions.Editing(
                    edit.number(),
                    (int) params.get("max_post_steps").integer(),
                    (int) params.get("num_to_transfer").or(1L).integer()));
    BlockOptions blocks =
        new BlockOptions(
            OptionalInt.of((int) params.get("block_length").integer()),
            (int) params.get("steps").integer(),
            (int) params.get("minimal_topk").or(1L).integer(),
            params.get("threshold").number(),
            editing);
    return SamplerOptions.defaults().toBuilder()
        .lengths(length, length, length)
        .temperature(params.get("temperature").number())
        .topK((int) params.get("top_k").or(0L).integer())
        .topP(params.get("top_p").or(1.0).number())
        .stopAtEos(!params.get("eos_early_stop").isNull())
        .mode(SamplerMode.PUBLISHED)
        .decoder(Decoder.exact().with(blocks))
        .build();
  }

  private static LladaConfig withEos(LladaConfig c, Json params) {
    if (params.isNull() || params.get("eos_id").isNull()) {
      return c;
    }
    SpecialTokens tokens =
        SpecialTokens.of(
            c.tokens().mask(),
            (int) params.get("eos_id").integer(),
            c.padTokenId(),
            OptionalInt.empty(),
            OptionalInt.empty());
    return new LladaConfig(
        c.architecture(),
        c.dModel(),
        c.nLayers(),
        c.attention(),
        c.feedForwards(),
        c.vocabSize(),
        c.embeddingSize(),
        c.maxSequenceLength(),
        c.rmsNormEps(),
        c.weightTying(),
        tokens);
  }

  /** The numbers that the published code drew; a draw is of a position of the active block. */
  private static RandomSource recorded(Path file, Arena arena) {
    Path rng =
        file.resolveSibling(file.getFileName().toString().replace(".json", ".rng.safetensors"));
    if (!Files.exists(rng)) {
      return RandomSource.seeded(0);
    }
    Safetensors numbers = Safetensors.open(rng, arena);
    GoldenFolders.compared(rng);
    return new RandomSource() {
      @Override
      public double draw(int step, int sequence, int position) {
        Tensor u = numbers.tensor("u." + step);
        return wide(u, position % u.dim(0));
      }

      @Override
      public double noise(int step, int sequence, int position, int token) {
        Tensor noise = numbers.tensor("noise." + step);
        return wide(noise, (long) position * noise.dim(2) + token);
      }

      @Override
      public double score(int step, int sequence, int position) {
        return numbers.tensor("rand." + step).get(position);
      }
    };
  }

  private static double wide(Tensor tensor, long at) {
    assertThat(tensor.dtype()).isEqualTo(DType.F64);
    return tensor.data().get(ValueLayout.JAVA_DOUBLE_UNALIGNED, at * Double.BYTES);
  }

  private static void near(double found, Json wanted) {
    assertThat(Math.abs(found - wanted.number()))
        .as(wanted.where())
        .isLessThanOrEqualTo(1e-4 * wanted.number());
  }

  private static int[] ints(Json json) {
    return json.list().stream().mapToInt(j -> (int) j.integer()).toArray();
  }

  private static Integer[] boxed(Json json) {
    return Arrays.stream(ints(json)).boxed().toArray(Integer[]::new);
  }
}
