package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.kernel.Numbers;
import llada.kernel.scalar.RopeLayout;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import llada.tokenizer.ChatTemplate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** GGUF files that the Python package wrote, beside the Hugging Face folder that they came from. */
final class GgufCheckpointTest {
  private static final int[] IDS = {319, 4, 77, 319, 130, 9, 201, 319};

  private static float[] logits(Path path) {
    try (Checkpoint checkpoint = Checkpoint.open(path);
        Backend backend = Backends.choose("vector", 1);
        MaskPredictor predictor =
            new MaskPredictor(
                checkpoint.config(), checkpoint.weights(), backend.kernels(), IDS.length)) {
      Tensor logits =
          predictor.forward(TokenBatch.of(IDS), IntStream.range(0, IDS.length).toArray());
      return logits.toArray();
    }
  }

  private static Path folder() {
    return Golden.resources().resolve("golden/tiny-llada");
  }

  private static Path gguf(String name) {
    return Golden.resources().resolve("gguf/" + name);
  }

  @Test
  void float32IsTheSameModelBitForBit() {
    assertThat(logits(gguf("tiny-llada-F32.gguf"))).isEqualTo(logits(folder()));
  }

  /**
   * A weight is off by no more than its block's step allows: for Q8_0 half a step of amax / 127,
   * for Q4_0 a whole one of amax / 8, since its range is -8 to 7; and the step is a float16.
   */
  @ParameterizedTest
  @CsvSource({"tiny-llada-Q8_0.gguf,254", "tiny-llada-Q4_0.gguf,8"})
  void quantisedWeightsComeAsCloseAsTheirBlocksAllow(String name, double steps) {
    try (Checkpoint exact = Checkpoint.open(folder());
        Checkpoint rounded = Checkpoint.open(gguf(name))) {
      exact
          .weightsByName()
          .forEach((key, weight) -> compare(weight, rounded.weightsByName().get(key), steps));
    }
  }

  @Test
  void noWeightIsCopiedToBeRun() {
    try (Checkpoint gguf = Checkpoint.open(gguf("tiny-llada-F32.gguf"))) {
      assertThat(gguf.weights().ropeLayout()).isEqualTo(RopeLayout.INTERLEAVED);
      // A view of the mapped file is read-only; an allocated copy is not.
      assertThat(gguf.weights().blocks().getFirst().qProj().data().isReadOnly()).isTrue();
      assertThat(gguf.weights().blocks().getFirst().kProj().data().isReadOnly()).isTrue();
      assertThat(gguf.weightsByName()).isSameAs(gguf.weightsByName());
    }
  }

  private static void compare(Tensor exact, Tensor rounded, double steps) {
    float[] a = exact.toArray();
    float[] b = rounded.toArray();
    for (int block = 0; block < a.length; block += 32) {
      double amax = 0;
      for (int i = block; i < block + 32; i++) {
        amax = Math.max(amax, Math.abs(a[i]));
      }
      double bound = amax * (1 / steps + 0x1p-11);
      for (int i = block; i < block + 32; i++) {
        assertThat((double) Math.abs(a[i] - b[i])).isLessThanOrEqualTo(bound);
      }
    }
  }

  /**
   * K-quants, grouped-query attention and a tied head in one file, against the scalar reference.
   */
  @Test
  void kQuantsWithGroupedQueriesAndATiedHead() {
    Path path = gguf("k-quants.gguf");
    try (Checkpoint checkpoint = Checkpoint.open(path);
        Backend scalar = Backends.choose("scalar", 1);
        Backend vector = Backends.choose("vector", 2)) {
      assertThat(checkpoint.config().weightTying()).isTrue();
      assertThat(checkpoint.config().nKvHeads()).isEqualTo(2);
      assertThat(checkpoint.tensors().stream().map(Checkpoint.TensorInfo::type))
          .contains("Q4_K", "Q5_K", "Q6_K");
      int[] rows = {0, 3, 7};
      try (MaskPredictor a =
              new MaskPredictor(
                  checkpoint.config(), checkpoint.weights(), scalar.kernels(), IDS.length);
          MaskPredictor b =
              new MaskPredictor(
                  checkpoint.config(), checkpoint.weights(), vector.kernels(), IDS.length)) {
        Tensor expected = a.forward(TokenBatch.of(IDS), rows);
        Tensor found = b.forward(TokenBatch.of(IDS), rows);
        double bound = 2.0 * 512 * 3 * Numbers.EPSILON * Numbers.largest(expected);
        assertThat(Numbers.largest(expected)).isPositive();
        assertThat(Numbers.largestDifference(found, expected)).isLessThanOrEqualTo(bound);
      }
    }
  }

  @Test
  void specialTokensAndTemplateAreThoseOfTheFolder() {
    try (Checkpoint folder = Checkpoint.open(folder());
        Checkpoint gguf = Checkpoint.open(gguf("tiny-llada-F32.gguf"))) {
      assertThat(gguf.config().maskTokenId()).isEqualTo(folder.config().maskTokenId());
      assertThat(gguf.config().eosTokenId()).isEqualTo(folder.config().eosTokenId());
      assertThat(gguf.config().eotTokenId()).isEqualTo(folder.config().eotTokenId());
      assertThat(gguf.config().bosTokenId()).isEqualTo(folder.config().bosTokenId());
      List<ChatTemplate.Message> messages = List.of(new ChatTemplate.Message("user", " Hi there "));
      assertThat(gguf.chatTemplate().encode(gguf.tokenizer(), messages))
          .isEqualTo(folder.chatTemplate().encode(folder.tokenizer(), messages));
    }
  }
}
