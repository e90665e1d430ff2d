package llada.converter;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.IntStream;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.format.Safetensors;
import llada.kernel.ScalarKernels;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An adapter that is merged gives the logits that PEFT gives beside the base, in either format. */
final class AdapterMergeTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"everything,merged", "everything,merged.gguf", "rslora,merged.gguf"})
  void logitsAreThoseOfPeft(String adapter, String name) {
    Path resources = Golden.resources();
    Path adapters = resources.resolve("adapters");
    Path target = folder.resolve(name);
    try (Checkpoint base =
        Checkpoint.open(
            resources.resolve("gguf/tiny-llada-Q4_0.gguf"),
            Optional.of(adapters.resolve(adapter)))) {
      Converter.convert(base, target, Converter.Settings.of(QuantizationMix.F32), Progress.NONE);
    }
    int[][] xt = Golden.ints(Golden.json(adapters.resolve("expected.json")).get("xt"));
    int tokens = xt.length * xt[0].length;
    try (Arena arena = Arena.ofShared();
        Checkpoint merged = Checkpoint.open(target);
        MaskPredictor predictor =
            new MaskPredictor(merged.config(), merged.weights(), new ScalarKernels(), tokens)) {
      Tensor expected =
          Safetensors.open(adapters.resolve("expected.safetensors"), arena)
              .tensor(adapter + "-Q4_0.logits");
      Tensor found = predictor.forward(TokenBatch.of(xt), IntStream.range(0, tokens).toArray());
      float[] wanted = expected.toArray();
      float[] got = found.toArray();
      double largest = 0;
      for (float value : wanted) {
        largest = Math.max(largest, Math.abs(value));
      }
      for (int i = 0; i < wanted.length; i++) {
        assertThat(Math.abs(got[i] - wanted[i])).isLessThan((float) (1e-5 * largest));
      }
    }
  }
}
