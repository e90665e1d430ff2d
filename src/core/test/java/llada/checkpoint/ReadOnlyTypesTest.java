package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.stream.Collectors;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.kernel.Numbers;
import llada.kernel.Precision;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A file as llama-quantize makes it with low types: Q2_K and Q3_K, and where a row is no multiple
 * of 256, what it falls back to, IQ4_NL and Q5_0. gguf_fixtures.py made it with every type that is
 * read and not written.
 */
final class ReadOnlyTypesTest {
  private static final Path FILE = Golden.resources().resolve("gguf/read-only.gguf");
  private static final int[] IDS = {5, 17, 300, 299, 1, 44, 260, 9};

  @Test
  void everyTypeIsThere() {
    try (Checkpoint checkpoint = Checkpoint.open(FILE)) {
      assertThat(
              checkpoint.tensors().stream()
                  .map(Checkpoint.TensorInfo::type)
                  .collect(Collectors.toSet()))
          .containsExactlyInAnyOrder(
              "F32", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q6_K", "IQ4_NL", "IQ4_XS",
              "MXFP4");
    }
  }

  /** Exact products differ from the reference by the order of sums alone. */
  @ParameterizedTest
  @ValueSource(strings = {"vector", "auto"})
  void logitsAreThoseOfTheReference(String backend) {
    try (Checkpoint checkpoint = Checkpoint.open(FILE);
        Backend scalar = Backends.choose("scalar", 1);
        Backend other = Backends.choose(backend, 2, Precision.EXACT);
        MaskPredictor a = predictor(checkpoint, scalar);
        MaskPredictor b = predictor(checkpoint, other)) {
      int[] rows = {0, 3, 7};
      Tensor expected = a.forward(TokenBatch.of(IDS), rows);
      Tensor found = b.forward(TokenBatch.of(IDS), rows);
      double bound = 2.0 * 288 * 6 * Numbers.EPSILON * Numbers.largest(expected);
      assertThat(Numbers.largest(expected)).isGreaterThan(1).isLessThan(100);
      assertThat(Numbers.largestDifference(found, expected)).isLessThanOrEqualTo(bound);
    }
  }

  private static MaskPredictor predictor(Checkpoint checkpoint, Backend backend) {
    return new MaskPredictor(
        checkpoint.config(), checkpoint.weights(), backend.kernels(), IDS.length);
  }
}
