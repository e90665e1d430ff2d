package llada.train;

import llada.cuda.Emulator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Golden steps of training on the emulator. */
@Tag("gpu")
final class CudaTrainingTest {
  @BeforeAll
  static void load() {
    Emulator.loadOrGpu();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void fiveSteps(int which) {
    new AdamWGoldenTest().fiveSteps(which, "cuda");
  }
}
