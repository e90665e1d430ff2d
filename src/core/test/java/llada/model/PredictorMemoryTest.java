package llada.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.tensor.Storage;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Native memory of a predictor and its model: no more than is needed, and no longer. */
final class PredictorMemoryTest {
  private static final int ROWS = 32;

  private static Checkpoint open() {
    return Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"));
  }

  @Test
  void logitsTakeTheMemoryOfTheLargestAnswerOnly() {
    Set<Storage> storages = new HashSet<>();
    List<Tensor> answers = new ArrayList<>();
    try (Checkpoint checkpoint = open();
        Backend backend = Backends.choose("scalar", 1);
        MaskPredictor predictor =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), ROWS)) {
      TokenBatch batch = TokenBatch.of(new int[ROWS]);
      for (int rows = 1; rows <= ROWS; rows++) {
        Tensor logits = predictor.forward(batch, IntStream.range(0, rows).toArray());
        assertThat(logits.dim(0)).isEqualTo(rows);
        storages.add(logits.storage());
        answers.add(logits);
      }
      assertThat(live(storages)).isEqualTo(answers.getLast().bytes());
      Tensor fewer = predictor.forward(batch, new int[] {3});
      assertThat(fewer.storage()).isSameAs(answers.getLast().storage());
    }
    assertThat(live(storages)).isZero();
  }

  private static long live(Set<Storage> storages) {
    return storages.stream()
        .filter(storage -> storage.memory().scope().isAlive())
        .mapToLong(storage -> storage.memory().byteSize())
        .sum();
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector", "auto"})
  void afterACloseAPassThrowsAndClosingAgainDoesNothing(String name) {
    TokenBatch batch = TokenBatch.of(new int[8]);
    int[] rows = {0};
    Backend backend = Backends.choose(name, 2);
    Checkpoint checkpoint = open();
    MaskPredictor ofModel = predictor(checkpoint, backend);
    MaskPredictor closed = predictor(checkpoint, backend);
    closed.close();
    closed.close();
    assertThatThrownBy(() -> closed.forward(batch, rows))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("is freed");
    assertThat(ofModel.forward(batch, rows).dim(0)).isEqualTo(1);
    checkpoint.close();
    checkpoint.close();
    assertThatThrownBy(() -> ofModel.forward(batch, rows))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("is freed");
    backend.close();
    backend.close();
    assertThatThrownBy(() -> ofModel.forward(batch, rows))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("the backend is closed");
    ofModel.close();
  }

  private static MaskPredictor predictor(Checkpoint checkpoint, Backend backend) {
    return new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), 8);
  }
}
