package llada.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.kernel.Kernels;
import llada.kernel.Precision;
import llada.kernel.ScalarKernels;
import llada.kernel.scalar.RopeLayout;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What golden gradients do not cover: tied heads, shared keys, padding, the causal model, memory.
 */
final class TrainablePredictorTest {
  private static final int[] ROWS = {1, 2, 5, 8, 9, 13};
  private static final int[] TARGETS = {3, 40, 7, 7, 0, 22};
  private static final double[] WEIGHTS = {0.1, 0.3, 0.05, 0.2, 0.1, 0.25};

  private static LladaConfig config(int c, int f) {
    return config(c, f, false);
  }

  private static LladaConfig config(int c, int f, boolean tied) {
    return new LladaConfig(
        c,
        2,
        4,
        2,
        f,
        48,
        48,
        16,
        10000,
        1e-5,
        tied,
        47,
        1,
        2,
        OptionalInt.empty(),
        OptionalInt.empty());
  }

  private static LladaWeights weights(LladaConfig config, Arena arena, RopeLayout layout) {
    Random random = new Random(5);
    return LladaWeights.of(
        config,
        layout,
        row ->
            List.of(
                random(
                    arena,
                    random,
                    row.part().norm() ? 1 : row.shape().dim(0),
                    row.shape().dim(-1))));
  }

  /** Near 1 for a norm, else of a size that keeps activations near 1. */
  private static Tensor random(Arena arena, Random random, long n, long k) {
    Tensor tensor =
        n == 1 ? Tensor.allocate(arena, DType.F32, k) : Tensor.allocate(arena, DType.F32, n, k);
    for (long i = 0; i < tensor.shape().elements(); i++) {
      double normal = random.nextGaussian();
      tensor.set(i, (float) (n == 1 ? 1 + 0.2 * normal : normal / Math.sqrt((double) k)));
    }
    return tensor;
  }

  private static TokenBatch batch(boolean padded) {
    int[][] ids = new int[2][8];
    boolean[][] visible = new boolean[2][8];
    Random random = new Random(6);
    for (int b = 0; b < 2; b++) {
      for (int t = 0; t < 8; t++) {
        ids[b][t] = random.nextInt(48);
        visible[b][t] = b == 1 || t > 0;
      }
    }
    return new TokenBatch(ids, padded ? visible : null);
  }

  private static double run(
      LladaConfig config,
      LladaWeights weights,
      Kernels kernels,
      boolean recompute,
      boolean causal,
      boolean padded,
      Gradients into) {
    try (TrainablePredictor predictor =
        new TrainablePredictor(
            config, weights, kernels, 20, new TrainablePredictor.Options(recompute, causal))) {
      return predictor.lossAndGradients(batch(padded), ROWS, TARGETS, WEIGHTS, into);
    }
  }

  /** Some weights of each tensor, moved up and down. */
  @ParameterizedTest
  @CsvSource({
    "false,false,false,HALF_SPLIT",
    "true,false,true,HALF_SPLIT",
    "false,true,false,INTERLEAVED",
    "true,true,true,HALF_SPLIT"
  })
  void gradientsAreDerivatives(boolean tied, boolean causal, boolean padded, RopeLayout layout) {
    LladaConfig config = config(16, 24, tied);
    try (Arena arena = Arena.ofShared();
        TrainablePredictor predictor =
            new TrainablePredictor(
                config,
                weights(config, arena, layout),
                new ScalarKernels(),
                16,
                new TrainablePredictor.Options(false, causal))) {
      LladaWeights weights = predictor.weights();
      Gradients gradients = new Gradients(weights, arena);
      predictor.lossAndGradients(batch(padded), ROWS, TARGETS, WEIGHTS, gradients);
      Map<String, Tensor> found = GradientsGoldenTest.named(gradients.tensors());
      GradientsGoldenTest.named(weights)
          .forEach(
              (name, tensor) -> {
                Tensor gradient = found.get(name);
                double largest = 0;
                for (long i = 0; i < gradient.shape().elements(); i++) {
                  largest = Math.max(largest, Math.abs(gradient.get(i)));
                }
                for (int i = 0; i < 5; i++) {
                  long at = i * 7919L % tensor.shape().elements();
                  double near = slope(predictor, padded, tensor, at, 0x1p-6);
                  double far = slope(predictor, padded, tensor, at, 0x1p-5);
                  assertThat((double) gradient.get(at))
                      .as("%s, %d", name, at)
                      .isCloseTo((4 * near - far) / 3, Offset.offset(1e-4 + 2e-3 * largest));
                }
              });
    }
  }

  private static double slope(
      TrainablePredictor predictor, boolean padded, Tensor weight, long at, double h) {
    float before = weight.get(at);
    weight.set(at, (float) (before + h));
    double above = predictor.loss(batch(padded), ROWS, TARGETS, WEIGHTS);
    weight.set(at, (float) (before - h));
    double below = predictor.loss(batch(padded), ROWS, TARGETS, WEIGHTS);
    weight.set(at, before);
    return (above - below) / (2 * h);
  }

  /** Computed again or kept, by one worker or three: the same bits; and they accumulate. */
  @ParameterizedTest
  @CsvSource({"vector,EXACT", "auto,EXACT", "auto,BF16"})
  void gradientsDependOnNeitherMemoryNorThreads(String name, Precision precision) {
    LladaConfig config = config(64, 96, true);
    try (Arena arena = Arena.ofShared();
        Backend one = Backends.choose(name, 1, precision);
        Backend three = Backends.choose(name, 3, precision)) {
      LladaWeights weights = weights(config, arena, RopeLayout.HALF_SPLIT);
      Gradients expected = new Gradients(weights, arena);
      double loss = run(config, weights, one.kernels(), false, false, true, expected);
      for (int repeat = 0; repeat < 20; repeat++) {
        Gradients found = new Gradients(weights, arena);
        boolean recompute = repeat % 2 == 0;
        assertThat(run(config, weights, three.kernels(), recompute, false, true, found))
            .isEqualTo(loss);
        assertThat(found.flat().data().mismatch(expected.flat().data())).isEqualTo(-1);
      }
      Gradients twice = new Gradients(weights, arena);
      run(config, weights, one.kernels(), false, false, true, twice);
      run(config, weights, one.kernels(), false, false, true, twice);
      Tensor once = expected.tensors().finalNorm();
      for (int i = 0; i < 64; i++) {
        assertThat(twice.tensors().finalNorm().get(i))
            .isCloseTo(2 * once.get(i), Offset.offset(1e-6f));
      }
    }
  }

  /** A causal token does not see those after it: its loss does not change with them. */
  @ParameterizedTest
  @CsvSource({"scalar", "vector", "auto"})
  void causalTokensSeeThoseBeforeThemOnly(String name) {
    LladaConfig config = config(64, 96);
    int[][] ids = {{5, 6, 7, 8, 9, 10}};
    try (Arena arena = Arena.ofShared();
        Backend backend = Backends.choose(name, 2, Precision.EXACT);
        TrainablePredictor predictor =
            new TrainablePredictor(
                config,
                weights(config, arena, RopeLayout.HALF_SPLIT),
                backend.kernels(),
                6,
                new TrainablePredictor.Options(false, true))) {
      int[] rows = {3};
      int[] targets = {1};
      double[] one = {1};
      double before = predictor.loss(TokenBatch.of(ids), rows, targets, one);
      ids[0][4] = 30;
      assertThat(predictor.loss(TokenBatch.of(ids), rows, targets, one)).isEqualTo(before);
      ids[0][2] = 30;
      assertThat(predictor.loss(TokenBatch.of(ids), rows, targets, one)).isNotEqualTo(before);
    }
  }

  @Test
  void refusesRowsThatAreNotThere() {
    LladaConfig config = config(16, 24);
    try (Arena arena = Arena.ofShared()) {
      LladaWeights weights = weights(config, arena, RopeLayout.HALF_SPLIT);
      Gradients into = new Gradients(weights, arena);
      try (TrainablePredictor predictor =
          new TrainablePredictor(
              config, weights, new ScalarKernels(), 16, TrainablePredictor.Options.DEFAULT)) {
        TokenBatch batch = batch(false);
        double[] two = {1, 1};
        assertThatThrownBy(
                () ->
                    predictor.lossAndGradients(
                        batch, new int[] {3, 16}, new int[] {0, 0}, two, into))
            .hasMessage("row 16 at index 1: rows must ascend and be among the 16 of the batch");
        assertThatThrownBy(
                () -> predictor.lossAndGradients(batch, new int[] {3}, new int[] {0}, two, into))
            .hasMessage("1 rows, 1 targets and 2 weights: they must be as many");
      }
    }
  }
}
