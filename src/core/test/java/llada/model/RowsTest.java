package llada.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.kernel.Precision;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Logits of a sequence have the same bits alone, padded among others, and computed in part with
 * keys and values from a cache that is up to date.
 */
final class RowsTest {
  private static final int LENGTH = 40;
  private static final int PADDED = 45;

  static Stream<Arguments> models() {
    return Stream.of(
            "golden/tiny-llada",
            "variants/five-heads",
            "../../../demo/main/resources/llada/demo.gguf")
        .flatMap(
            model ->
                Stream.of("scalar", "vector", "machine")
                    .flatMap(
                        backend ->
                            Stream.of(Precision.WEIGHTS, Precision.EXACT)
                                .map(precision -> Arguments.of(model, backend, precision))));
  }

  @ParameterizedTest
  @MethodSource("models")
  void aSequenceHasItsLogitsInAnyCompany(String model, String backendName, Precision precision) {
    assumeTrue(
        !backendName.equals("machine") || System.getProperty("os.arch").equals("amd64"),
        "no machine code here");
    try (Checkpoint checkpoint = Checkpoint.open(Golden.resources().resolve(model))) {
      float[] expected = null;
      for (int threads : new int[] {1, 3}) {
        try (Backend backend = Backends.choose(backendName, threads, precision);
            MaskPredictor predictor =
                new MaskPredictor(
                    checkpoint.config(), checkpoint.weights(), backend.kernels(), 3 * PADDED)) {
          expected = expected == null ? alone(predictor) : expected;
          assertThat(alone(predictor)).isEqualTo(expected);
          assertThat(someRows(predictor, expected)).isTrue();
          assertThat(padded(predictor)).isEqualTo(expected);
          for (int first : new int[] {1, 20, 31, 39}) {
            assertThat(cached(predictor, first)).isEqualTo(from(expected, first));
          }
        }
      }
    }
  }

  private static int[] ids(LladaConfig config, int seed, int length) {
    return new Random(seed).ints(length, 0, config.vocabSize()).toArray();
  }

  private static int[] range(int from, int to) {
    return IntStream.range(from, to).toArray();
  }

  private static float[] from(float[] logits, int row) {
    return Arrays.copyOfRange(logits, row * (logits.length / LENGTH), logits.length);
  }

  private static float[] alone(MaskPredictor predictor) {
    TokenBatch batch = TokenBatch.of(ids(predictor.config(), 1, LENGTH));
    return predictor.forward(batch, range(0, LENGTH)).toArray();
  }

  /** Whether logits of one or nine rows are those of all. */
  private static boolean someRows(MaskPredictor predictor, float[] expected) {
    TokenBatch batch = TokenBatch.of(ids(predictor.config(), 1, LENGTH));
    return IntStream.of(LENGTH - 1, LENGTH - 9)
        .allMatch(
            row ->
                Arrays.equals(
                    predictor.forward(batch, range(row, LENGTH)).toArray(), from(expected, row)));
  }

  /** Second of three, which are of different lengths. */
  private static TokenBatch batch(LladaConfig config) {
    int[][] ids = new int[3][];
    boolean[][] visible = new boolean[3][PADDED];
    int[] lengths = {PADDED, LENGTH, 3};
    for (int b = 0; b < 3; b++) {
      ids[b] = new int[PADDED];
      int[] tokens = ids(config, b == 1 ? 1 : 7, lengths[b]);
      int padding = PADDED - lengths[b];
      Arrays.fill(ids[b], 0, padding, config.padTokenId());
      System.arraycopy(tokens, 0, ids[b], padding, lengths[b]);
      Arrays.fill(visible[b], padding, PADDED, true);
    }
    return new TokenBatch(ids, visible);
  }

  private static float[] padded(MaskPredictor predictor) {
    int[] rows = range(2 * PADDED - LENGTH, 2 * PADDED);
    return predictor.forward(batch(predictor.config()), rows).toArray();
  }

  /** The last tokens of each sequence, after a pass that filled the cache. */
  private static float[] cached(MaskPredictor predictor, int first) {
    TokenBatch batch = batch(predictor.config());
    try (ActivationCache cache =
        new ActivationCache(predictor.config(), DType.F32, 3 * PADDED, false)) {
      predictor.forward(batch, PartialPass.refresh(batch, cache), new int[] {0});
      int padding = PADDED - LENGTH;
      int[][] computed = {
        range(PADDED - 1, PADDED), range(padding + first, PADDED), range(PADDED - 3, PADDED)
      };
      int[] rows = range(PADDED + padding + first, 2 * PADDED);
      Tensor logits = predictor.forward(batch, new PartialPass(computed, cache), rows);
      return logits.toArray();
    }
  }
}
