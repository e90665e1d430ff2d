package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.format.Json;
import llada.format.Safetensors;
import llada.kernel.Precision;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whole generations of the published code, step by step, fed with the random numbers that it drew:
 * proposals, scores, revealed positions and tokens.
 */
final class DiffusionSamplerGoldenTest {
  static Stream<Arguments> everyCaseOnEveryBackend() throws IOException {
    List<Arguments> cases = new ArrayList<>();
    for (Path checkpoint : Golden.checkpoints()) {
      Path folder = checkpoint.resolve("golden/generate");
      if (!Files.isDirectory(folder)) {
        continue;
      }
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".json")).sorted().toList()) {
          cases.add(Arguments.of(checkpoint, file, "vector"));
          cases.add(Arguments.of(checkpoint, file, "auto"));
          cases.add(Arguments.of(checkpoint, file, "scalar"));
        }
      }
    }
    return cases.isEmpty() // one, to be skipped by its name
        ? Stream.of(Arguments.of(Golden.root(), Golden.root(), "scalar"))
        : cases.stream();
  }

  @ParameterizedTest
  @MethodSource("everyCaseOnEveryBackend")
  void publishedModeReproducesEveryStep(Path folder, Path file, String backendName) {
    Golden.need(folder, "golden/generate");
    Json golden = Golden.json(file);
    int[][] prompts = Golden.ints(golden.get("prompt"));
    boolean[][] visible = Golden.mask(golden.get("attention_mask"));
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose(backendName, 2, Precision.EXACT);
        Arena arena = Arena.ofShared()) {
      SamplerOptions options = PublishedOptions.of(golden.get("params"));
      LladaConfig config = withIds(checkpoint.config(), golden.get("params"));
      int tokens = 2 * prompts.length * (prompts[0].length + options.genLength());
      try (MaskPredictor predictor =
          new MaskPredictor(config, checkpoint.weights(), backend.kernels(), tokens)) {
        List<Json> steps = golden.get("steps").list();
        int[] seen = {0};
        Generation generation =
            new DiffusionSampler(predictor, config)
                .generate(
                    prompts,
                    visible,
                    options,
                    recorded(file, arena),
                    step -> compare(step, steps.get(seen[0]++)));
        assertThat(seen[0]).isEqualTo(steps.size());
        assertThat(generation.x()).isDeepEqualTo(Golden.ints(golden.get("output")));
      }
    }
  }

  private static void compare(StepListener.Step step, Json golden) {
    String where = golden.where();
    assertThat(step.block()).as(where).isEqualTo((int) golden.get("block").integer());
    assertThat(step.step()).as(where).isEqualTo((int) golden.get("step").integer());
    assertThat(step.x0()).as(where).isDeepEqualTo(Golden.ints(golden.get("x0")));
    assertThat(step.revealed()).as(where).isDeepEqualTo(Golden.ints(golden.get("transfer")));
    assertThat(step.x()).as(where).isDeepEqualTo(Golden.ints(golden.get("x")));
    List<Json> rows = golden.get("confidence").list();
    for (int b = 0; b < rows.size(); b++) {
      for (int i = 0; i < rows.get(b).size(); i++) {
        Json wanted = rows.get(b).get(i);
        double found = step.confidence()[b][i];
        if (wanted.isNull()) {
          assertThat(found).as(wanted.where()).isEqualTo(Double.NEGATIVE_INFINITY);
        } else {
          assertThat(Math.abs(found - wanted.number()))
              .as("%s: confidence %s, error %.3g", wanted.where(), found, found - wanted.number())
              .isLessThanOrEqualTo(1e-5);
        }
      }
    }
  }

  @Test
  void transferCountsAgree() {
    Golden.need(Golden.root(), "transfer_tokens.json");
    Path file = Golden.root().resolve("transfer_tokens.json");
    Json json = Golden.json(file);
    List<Json> cases = json.get("rows").list();
    assertThat(cases).isNotEmpty();
    for (Json one : cases) {
      int[] expected = one.get(2).list().stream().mapToInt(j -> (int) j.integer()).toArray();
      assertThat(TransferSchedule.counts((int) one.get(0).integer(), (int) one.get(1).integer()))
          .as(one.where())
          .isEqualTo(expected);
    }
  }

  /** The checkpoint with the special tokens that the case names. */
  private static LladaConfig withIds(LladaConfig c, Json params) {
    return new LladaConfig(
        c.dModel(),
        c.nLayers(),
        c.nHeads(),
        c.nKvHeads(),
        c.mlpHiddenSize(),
        c.vocabSize(),
        c.embeddingSize(),
        c.maxSequenceLength(),
        c.ropeTheta(),
        c.rmsNormEps(),
        c.weightTying(),
        (int) params.get("mask_id").integer(),
        (int) params.get("eos_id").integer(),
        c.padTokenId(),
        params.get("eot_id").isNull()
            ? OptionalInt.empty()
            : OptionalInt.of((int) params.get("eot_id").integer()),
        c.bosTokenId());
  }

  /**
   * The numbers that the published code drew: noise.i is (B, T, V) float64, rand.i (B, T) float32.
   */
  private static RandomSource recorded(Path file, Arena arena) {
    String name = file.getFileName().toString().replace(".json", ".rng.safetensors");
    Path rng = file.resolveSibling(name);
    if (!Files.exists(rng)) {
      return RandomSource.seeded(0);
    }
    Safetensors numbers = Safetensors.open(rng, arena);
    return new RandomSource() {
      @Override
      public double noise(int step, int sequence, int position, int token) {
        return number(numbers.tensor("noise." + step), sequence, position, token);
      }

      @Override
      public double score(int step, int sequence, int position) {
        return number(numbers.tensor("rand." + step), sequence, position);
      }
    };
  }

  private static double number(Tensor tensor, int... index) {
    long at = 0;
    for (int i = 0; i < index.length; i++) {
      at = at * tensor.shape().dim(i) + index[i];
    }
    return tensor.dtype() == DType.F64
        ? tensor.data().get(ValueLayout.JAVA_DOUBLE_UNALIGNED, at * Double.BYTES)
        : tensor.get(at);
  }
}
