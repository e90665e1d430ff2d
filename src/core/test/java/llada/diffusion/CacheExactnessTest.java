package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.diffusion.cache.AdaptiveCache;
import llada.diffusion.cache.CachePolicy;
import llada.diffusion.cache.DelayedCache;
import llada.diffusion.cache.DualCache;
import llada.diffusion.cache.PrefixCache;
import llada.diffusion.commit.CommitRule;
import llada.diffusion.commit.Quota;
import llada.diffusion.commit.Threshold;
import llada.kernel.Precision;
import llada.model.MaskPredictor;
import llada.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A cache that is refreshed in every step is no approximation: the tokens are those of the exact
 * sampler, for one sequence, for a padded batch, with guidance and noise, in every cache type.
 */
final class CacheExactnessTest {
  private static final List<String> CHECKPOINTS =
      List.of("golden/tiny-llada", "checkpoints/shakespeare-llada", "variants/five-heads");

  /** Every policy, with a refresh in every step. */
  private static final List<CachePolicy> REFRESHED =
      List.of(
          new PrefixCache(1),
          new DualCache(1),
          new DelayedCache(1, false),
          new AdaptiveCache(1, 1, 0.25),
          new AdaptiveCache(1, 7, 0.25));

  static Stream<Arguments> everyCheckpointAndPolicy() {
    return CHECKPOINTS.stream()
        .flatMap(c -> REFRESHED.stream().map(policy -> Arguments.of(c, policy)));
  }

  private record Case(int[][] prompts, boolean[][] visible, double temperature, double cfgScale) {}

  private static final List<Case> CASES =
      List.of(
          new Case(new int[][] {{5, 9, 33, 20}}, null, 0, 0),
          new Case(
              new int[][] {{5, 9, 33, 20}, {0, 0, 40, 7}, {0, 11, 12, 13}},
              new boolean[][] {
                {true, true, true, true}, {false, false, true, true}, {false, true, true, true}
              },
              0,
              0),
          new Case(new int[][] {{5, 9, 33, 20}, {3, 4, 40, 7}}, null, 0.8, 1.5));

  @ParameterizedTest
  @MethodSource("everyCheckpointAndPolicy")
  void refreshedInEveryStepACacheIsExact(String checkpointName, CachePolicy policy) {
    try (Model model = new Model(checkpointName, "auto")) {
      for (Case one : CASES) {
        for (CommitRule rule : List.of(new Quota(), new Threshold(0.3))) {
          int[][] exact = model.generate(one, options(one, Decoder.exact().with(rule))).x();
          for (DType type : List.of(DType.F32, DType.BF16)) {
            Decoder decoder = new Decoder(policy, type, rule);
            assertThat(model.generate(one, options(one, decoder)).x())
                .as("%s, %s, %s", one, rule, type)
                .isDeepEqualTo(exact);
          }
        }
      }
    }
  }

  /** The only step of a block computes everything, so its only step is exact. */
  @Test
  void aSingleStepIsExactWithAnyCache() {
    Case one = CASES.get(1);
    SamplerOptions.Builder options = SamplerOptions.defaults().toBuilder().lengths(1, 8, 8);
    try (Model model = new Model("golden/tiny-llada", "scalar")) {
      int[][] exact = model.generate(one, options.build()).x();
      for (CachePolicy policy :
          List.of(new DelayedCache(), new DualCache(), new PrefixCache(), new AdaptiveCache())) {
        options.decoder(new Decoder(policy, DType.F32, new Quota()));
        assertThat(model.generate(one, options.build()).x()).isDeepEqualTo(exact);
      }
    }
  }

  /** All that a layer computes anew is all that there is to know: no refresh is needed. */
  @Test
  void dLlmCacheOfRatioOneWithoutAPromptIsExact() {
    try (Model model = new Model("golden/tiny-llada", "scalar")) {
      // The prompt is stale from the first step on; with a mask for a prompt it tells nothing.
      Case one = new Case(new int[][] {{5}}, new boolean[][] {{false}}, 0, 0);
      SamplerOptions.Builder options = SamplerOptions.defaults().toBuilder().lengths(8, 8, 8);
      int[][] exact = model.generate(one, options.build()).x();
      options.decoder(new Decoder(new AdaptiveCache(100, 100, 1), DType.F32, new Quota()));
      assertThat(model.generate(one, options.build()).x()).isDeepEqualTo(exact);
    }
  }

  private static SamplerOptions options(Case one, Decoder decoder) {
    return SamplerOptions.defaults().toBuilder()
        .lengths(12, 24, 8)
        .temperature(one.temperature)
        .cfgScale(one.cfgScale)
        .decoder(decoder)
        .build();
  }

  /** An open checkpoint. */
  private static final class Model implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final Backend backend;
    private final MaskPredictor predictor;

    Model(String checkpointName, String backendName) {
      checkpoint = Checkpoint.open(Golden.resources().resolve(checkpointName));
      backend = Backends.choose(backendName, 2, Precision.EXACT);
      predictor =
          new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), 4 * 28);
    }

    Generation generate(Case one, SamplerOptions options) {
      return new DiffusionSampler(predictor, checkpoint.config())
          .generate(one.prompts, one.visible, options, RandomSource.seeded(3), StepListener.NONE);
    }

    @Override
    public void close() {
      predictor.close();
      backend.close();
      checkpoint.close();
    }
  }

  /** What each pass computes, for one sequence of 4 prompt and 24 answer tokens in blocks of 8. */
  @Test
  void aPassComputesWhatThePaperSays() {
    // Four steps a block: the first computes all 28 positions.
    assertThat(sizes(new DualCache())).containsExactly(28, 8, 8, 8, 28, 8, 8, 8, 28, 8, 8, 8);
    assertThat(sizes(new DualCache(2))).containsExactly(28, 8, 28, 8, 28, 8, 28, 8, 28, 8, 28, 8);
    assertThat(sizes(new PrefixCache()))
        .containsExactly(28, 24, 24, 24, 28, 16, 16, 16, 28, 8, 8, 8);
    // Two tokens a step: the masks left, and the two that the step before revealed; each block
    // begins with two full steps.
    assertThat(sizes(new DelayedCache()))
        .containsExactly(28, 28, 22, 20, 28, 28, 14, 12, 28, 28, 6, 4);
    assertThat(sizes(new DelayedCache(8, true)))
        .containsExactly(28, 24, 22, 20, 24, 24, 14, 12, 24, 24, 6, 4);
    assertThat(sizes(new AdaptiveCache(8, 4, 0.25)))
        .containsExactly(28, 24, 24, 24, 24, 24, 24, 24, 28, 24, 24, 24);
  }

  private static List<Integer> sizes(CachePolicy policy) {
    List<Integer> sizes = new ArrayList<>();
    try (Checkpoint checkpoint = Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"));
        Backend backend = Backends.choose("scalar", 1);
        MaskPredictor predictor =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), 28)) {
      SamplerOptions options =
          SamplerOptions.defaults().toBuilder()
              .lengths(12, 24, 8)
              .decoder(new Decoder(policy, DType.F32, new Quota()))
              .build();
      CountingPredictor counting = new CountingPredictor(predictor);
      Generation generation =
          new DiffusionSampler(counting, checkpoint.config())
              .generate(
                  new int[][] {{5, 9, 33, 20}},
                  null,
                  options,
                  RandomSource.seeded(3),
                  step -> sizes.add(counting.last()));
      assertThat(generation.forwardPasses()).isEqualTo(12);
      if (!(policy instanceof AdaptiveCache)) {
        assertThat(generation.positions())
            .isEqualTo(sizes.stream().mapToInt(Integer::intValue).sum());
      }
      assertThat(Arrays.stream(generation.answer(0)))
          .noneMatch(id -> id == checkpoint.config().maskTokenId());
    }
    return sizes;
  }
}
