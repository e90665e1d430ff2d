package llada.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.stream.IntStream;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.diffusion.DiffusionSampler;
import llada.diffusion.Generation;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.kernel.Kernels;
import llada.kernel.Numbers;
import llada.kernel.Precision;
import llada.kernel.ScalarKernels;
import llada.model.FeedForwardConfig;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Numbers are where they are asked for, whoever wrote them last, and travel no more than that. */
final class ResidenceTest {
  private static final Path MODEL = Golden.resources().resolve("golden/tiny-llada");

  private CudaKernels kernels;

  @BeforeEach
  void open() {
    Emulator.load();
    Emulator.reset();
    kernels = new CudaKernels(CudaDevice.list().getFirst(), Precision.EXACT);
  }

  @AfterEach
  void close() {
    if (kernels != null) {
      kernels.close();
      assertThat(Emulator.liveAllocations()).isZero();
    }
  }

  @Test
  void hostAndDeviceWriteInTurn() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Tensor.of(arena, new float[] {1, 2, 3, 4}, 2, 2);
      Tensor one = Tensor.of(arena, new float[] {1, 1, 1, 1}, 2, 2);
      kernels.residual(x, x, one);
      kernels.residual(x, x, one);
      assertThat(x.toArray()).containsExactly(3, 4, 5, 6);
      x.set(0, 10);
      kernels.residual(x, x, one);
      x.rows(1, 1).set(1, 20); // through a view
      kernels.residual(x.rows(1, 1), x.rows(1, 1), one.rows(1));
      assertThat(x.toArray()).containsExactly(11, 5, 7, 21);
      x.rows(1, 1).clear();
      assertThat(x.toArray()).containsExactly(11, 5, 0, 0);
      kernels.residual(x, x, one);
      x.clear();
      kernels.residual(x, x, one);
      assertThat(x.toArray()).containsExactly(1, 1, 1, 1);
    }
  }

  @Test
  void twoBackendsShareATensor() {
    try (Arena arena = Arena.ofShared();
        CudaKernels other = new CudaKernels(CudaDevice.list().getFirst(), Precision.EXACT)) {
      Tensor x = Tensor.of(arena, new float[] {1, 2}, 1, 2);
      Tensor one = Tensor.of(arena, new float[] {1, 1}, 1, 2);
      kernels.residual(x, x, one);
      other.residual(x, x, one);
      new ScalarKernels().residual(x, x, one);
      kernels.residual(x, x, one);
      assertThat(x.toArray()).containsExactly(5, 6);
    }
  }

  @Test
  void whatOnlyTheDeviceHasComesBackAtTheEnd() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Tensor.of(arena, new float[] {1, 2}, 1, 2);
      try (CudaKernels other = new CudaKernels(CudaDevice.list().getFirst(), Precision.EXACT)) {
        other.residual(x, x, x);
      }
      assertThat(x.toArray()).containsExactly(2, 4);
    }
  }

  @Test
  void memoryOfClosedArenasIsFreed() {
    long before = Emulator.liveAllocations();
    for (int i = 0; i < 50; i++) {
      try (Arena arena = Arena.ofShared()) {
        Tensor x = Tensor.allocate(arena, DType.F32, 8, 8);
        kernels.residual(x, x, x);
      }
    }
    assertThat(Emulator.liveAllocations() - before).isLessThanOrEqualTo(2);
  }

  /** Runs, is written down, is played back: the same bits, also after the host changed a weight. */
  @Test
  void repeatedPassesAreGraphs() {
    try (Checkpoint checkpoint = Checkpoint.open(MODEL);
        MaskPredictor onDevice =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), kernels, 32)) {
      int[] rows = IntStream.range(0, 16).toArray();
      float[] first = null;
      for (int i = 0; i < 5; i++) {
        int[] ids = IntStream.range(0, 16).map(t -> (t * 7 + 3) % 50).toArray();
        float[] logits = onDevice.forward(TokenBatch.of(ids), rows).toArray();
        first = first == null ? logits : first;
        assertThat(logits).isEqualTo(first);
        int[] other = IntStream.range(0, 12).toArray();
        onDevice.forward(TokenBatch.of(other), new int[] {3}); // another length between
      }
      assertThat(kernels.played()).isGreaterThanOrEqualTo(6);
    }
  }

  /** Greedy decoding looks at no logit: one wait a step, for the proposals. */
  @Test
  void aSamplingStepSynchronisesOnce() {
    try (Checkpoint checkpoint = Checkpoint.open(MODEL);
        MaskPredictor predictor =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), kernels, 64)) {
      generate(predictor, 8); // uploads weights, positions and the like
      for (int steps : new int[] {1, 4, 8}) {
        long before = Emulator.count("synchronise");
        generate(predictor, steps);
        assertThat(Emulator.count("synchronise") - before).isEqualTo(steps);
      }
    }
  }

  /** A pass waits for each router, whose choice the host sorts by, and for nothing else. */
  @Test
  void aLayerWithExpertsSynchronisesOnce() {
    Path model = Golden.resources().resolve("golden-families/tiny-llada2");
    try (Checkpoint checkpoint = Checkpoint.open(model);
        MaskPredictor predictor =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), kernels, 64)) {
      TokenBatch batch = TokenBatch.of(IntStream.range(0, 40).map(i -> 3 + 5 * i).toArray());
      predictor.forward(batch, new int[] {7}); // uploads weights, positions and the like
      predictor.forward(batch, new int[] {7}); // takes back the buffers of those
      long before = Emulator.count("synchronise");
      predictor.forward(batch, new int[] {7});
      long mixtures =
          IntStream.range(0, checkpoint.config().nLayers())
              .filter(i -> checkpoint.config().feedForward(i) instanceof FeedForwardConfig.Experts)
              .count();
      assertThat(mixtures).isPositive();
      assertThat(Emulator.count("synchronise") - before).isEqualTo(mixtures);
    }
  }

  private static void generate(MaskPredictor predictor, int steps) {
    SamplerOptions options = SamplerOptions.defaults().toBuilder().lengths(steps, 8, 8).build();
    Generation generation =
        new DiffusionSampler(predictor, predictor.config())
            .generate(new int[][] {{1, 2, 3}}, null, options, RandomSource.seeded(1), s -> {});
    assertThat(generation.steps()).isEqualTo(steps);
  }

  /** What an optimizer does is the reference's, bit for bit. */
  @Test
  void optimizerStepsAreExact() {
    try (Arena arena = Arena.ofShared()) {
      Kernels reference = new ScalarKernels();
      Tensor[] a = new Tensor[4];
      Tensor[] b = new Tensor[4];
      for (int i = 0; i < 4; i++) {
        a[i] = Numbers.random(arena, i, 0, 70_001);
        if (i == 3) { // a mean of squares
          for (long j = 0; j < 70_001; j++) {
            a[i].set(j, Math.abs(a[i].get(j)));
          }
        }
        b[i] = Numbers.copy(arena, a[i]);
      }
      var step =
          new llada.kernel.scalar.AdamW.Step(
              0.9f, 0.95f, 0.1f, 0.05f, 0.7f, 0.999f, 1e-3f, 10f, 20f, 1e-8f);
      for (int n = 0; n < 3; n++) {
        reference.adamW(a[0], a[1], a[2], a[3], step);
        kernels.adamW(b[0], b[1], b[2], b[3], step);
        reference.average(a[2], a[0], 0.3f);
        kernels.average(b[2], b[0], 0.3f);
      }
      for (int i = 0; i < 4; i++) {
        assertThat(Numbers.largestDifference(a[i], b[i])).isZero();
      }
      double wanted = reference.sumOfSquares(java.util.List.of(a[0], a[1]));
      assertThat(kernels.sumOfSquares(java.util.List.of(b[0], b[1])) / wanted)
          .isCloseTo(1, org.assertj.core.api.Assertions.within(1e-6));
    }
  }
}
