package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.Optional;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.QuantizationMix;
import llada.checkpoint.SyntheticModel;
import llada.diffusion.commit.Threshold;
import llada.kernel.Parallel;
import llada.model.MaskPredictor;
import org.junit.jupiter.api.Test;

/** A batch of prompts is never cut or filled up in silence. */
final class RaggedPromptsTest {
  private static final SyntheticModel MODEL =
      SyntheticModel.of(
          new SyntheticModel.Sizes(32, 1, 1, 1, 32, 262, 32),
          QuantizationMix.F32,
          Optional.empty(),
          1);

  private static Generation generate(int[][] prompts, boolean[][] visible, Decoder decoder) {
    try (Arena arena = Arena.ofShared();
        Backend backend = Backends.choose("scalar", 1);
        MaskPredictor predictor =
            new MaskPredictor(
                MODEL.config(), MODEL.weights(arena, Parallel.SERIAL), backend.kernels(), 64)) {
      SamplerOptions options =
          SamplerOptions.defaults().toBuilder().lengths(4, 4, 4).decoder(decoder).build();
      return new DiffusionSampler(predictor, MODEL.config())
          .generate(prompts, visible, options, RandomSource.seeded(1), StepListener.NONE);
    }
  }

  private static void refused(int[][] prompts, boolean[][] visible, String message) {
    Decoder daedal =
        Decoder.exact().with(new Threshold(0.9)).with(new Daedal(4, 8, 0, 5, 0.1, 0.9));
    for (Decoder decoder : new Decoder[] {Decoder.exact(), daedal}) {
      assertThatThrownBy(() -> generate(prompts, visible, decoder))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(message);
    }
    assertThatThrownBy(() -> Canvas.withAnswers(prompts, visible, 4, 261))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void raggedAndEmptyBatchesAreRefused() {
    refused(new int[0][], null, "the batch is empty; give at least one sequence");
    String longer =
        "sequence 1 of the batch has 5 tokens, and the first has 3; pad shorter ones on the left";
    refused(new int[][] {{1, 2, 3}, {1, 2, 3, 4, 5}}, null, longer);
    refused(
        new int[][] {{1, 2, 3}, {4}},
        null,
        "sequence 1 of the batch has 1 tokens, and the first has 3; pad shorter ones on the left");
    refused(
        new int[][] {{1, 2, 3}},
        new boolean[][] {{true, true}},
        "sequence 0 of the batch has 3 tokens and 2 flags of padding, and the first has 3; pad"
            + " shorter ones on the left");
    int[][] padded = {{9, 9, 3}, {4, 5, 6}};
    boolean[][] visible = {{false, false, true}, {true, true, true}};
    assertThat(generate(padded, visible, Decoder.exact()).answer(1)).hasSize(4).doesNotContain(261);
  }
}
