package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import llada.diffusion.ForwardProcess;
import llada.diffusion.NoisyBatch;
import llada.kernel.ScalarKernels;
import llada.model.LladaWeights;
import llada.model.TrainablePredictor;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** Adapters begin as nothing, and their gradients are those of central differences. */
class LoraTest {
  private static NoisyBatch batch() {
    int[][] x0 = new int[3][8];
    SplittableRandom random = new SplittableRandom(4);
    for (int[] row : x0) {
      Arrays.setAll(row, _ -> random.nextInt(16));
    }
    return ForwardProcess.llada(19).noise(x0, null, random);
  }

  @Test
  void gradientsMatchDifferences() {
    try (Arena arena = Arena.ofShared()) {
      // Ordinary sizes, so that differences stand out from rounding.
      SplittableRandom random = new SplittableRandom(9);
      LladaWeights base = Weights.random(Runs.CONFIG, 1, arena);
      for (Tensor weight : base.tensors()) {
        for (long i = 0; weight.shape().rank() > 1 && i < weight.shape().elements(); i++) {
          weight.set(i, (float) (random.nextDouble() - 0.5));
        }
      }
      gradientsMatchDifferences(base, random, arena);
    }
  }

  private static Network network(LladaWeights weights) {
    return new PredictorNetwork(
        Runs.CONFIG,
        weights,
        new ScalarKernels(),
        4 * 8,
        new TrainablePredictor.Options(true, false));
  }

  private static void gradientsMatchDifferences(
      LladaWeights base, SplittableRandom random, Arena arena) {
    NoisyBatch noisy = batch();
    double before;
    try (Network alone = network(base)) {
      before = alone.loss(noisy);
    }
    try (Network network = network(Lora.beside(base, 3, Set.of("v_proj", "up_proj"), arena))) {
      Lora lora = new Lora(network, 6, 1, arena);
      assertThat(lora.parameters()).hasSize(4);
      lora.moved();
      assertThat(network.loss(noisy)).isEqualTo(before);
      for (Parameter p : lora.parameters()) {
        for (long i = 0; i < p.value().shape().elements(); i++) {
          p.value().set(i, (float) (0.6 * (random.nextDouble() - 0.5)));
        }
      }
      lora.moved();
      lora.clear();
      network.lossAndGradients(noisy);
      lora.gradientsReady();
      for (Parameter p : lora.parameters()) {
        Tensor value = p.value();
        for (long i = 0; i < value.shape().elements(); i += 5) {
          float old = value.get(i);
          double step = 4e-3;
          value.set(i, (float) (old + step));
          lora.moved();
          double up = network.loss(noisy);
          value.set(i, (float) (old - step));
          lora.moved();
          double down = network.loss(noisy);
          value.set(i, old);
          double wanted = (up - down) / (2 * step);
          assertThat((double) p.gradient().get(i))
              .as(p.name() + " " + i)
              .isCloseTo(wanted, within(2e-3 + 0.01 * Math.abs(wanted)));
        }
        lora.moved();
      }
    }
  }

  @Test
  void refusals() {
    try (Arena arena = Arena.ofShared()) {
      LladaWeights base = Weights.random(Runs.CONFIG, 1, arena);
      assertThatThrownBy(() -> Lora.beside(base, 0, Set.of("q_proj"), arena))
          .hasMessage("the rank is 0; it must be at least 1");
      assertThatThrownBy(() -> Lora.beside(base, 1, Set.of("wq"), arena))
          .hasMessageContaining("LoRA has no target 'wq'; there are attn_out, ff_out");
    }
  }
}
