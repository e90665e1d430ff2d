package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.diffusion.DiffusionSampler;
import llada.diffusion.Generation;
import llada.diffusion.PublishedOptions;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.format.Json;
import llada.model.MaskPredictor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The trained checkpoint: every recorded generation of the published code, from text to text. */
final class ShakespeareTest {
  private static final Path FOLDER = Golden.resources().resolve("checkpoints/shakespeare-llada");

  static Stream<Json> generations() {
    return Golden.json(FOLDER.resolve("generations.json")).list().stream();
  }

  @ParameterizedTest
  @MethodSource("generations")
  void recordedGenerationsAreReproduced(Json golden) {
    try (Checkpoint checkpoint = Checkpoint.open(FOLDER);
        Backend backend = Backends.choose("vector", 2)) {
      int[] prompt = ids(golden.get("prompt_ids"));
      assertThat(checkpoint.tokenizer().encode(golden.get("prompt").string())).isEqualTo(prompt);
      SamplerOptions options = PublishedOptions.of(golden.get("params"));
      List<int[]> order = new ArrayList<>();
      int tokens = 2 * (prompt.length + options.genLength());
      try (MaskPredictor predictor =
          new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), tokens)) {
        Generation generation =
            new DiffusionSampler(predictor, checkpoint.config())
                .generate(
                    new int[][] {prompt},
                    null,
                    options,
                    RandomSource.seeded(0),
                    step -> order.add(step.revealed()[0]));
        int[] answer = generation.answer(0);
        assertThat(answer).isEqualTo(ids(golden.get("output_ids")));
        assertThat(checkpoint.tokenizer().decode(answer)).isEqualTo(golden.get("text").string());
        List<Json> expected = golden.get("reveal_order").list();
        assertThat(order).hasSameSizeAs(expected);
        for (int i = 0; i < order.size(); i++) {
          assertThat(order.get(i)).containsExactlyInAnyOrder(ids(expected.get(i)));
        }
      }
    }
  }

  private static int[] ids(Json json) {
    return json.list().stream().mapToInt(j -> (int) j.integer()).toArray();
  }
}
