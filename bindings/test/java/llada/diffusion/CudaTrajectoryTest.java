package llada.diffusion;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import llada.cuda.Emulator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Golden generations, step by step, on the emulator. */
final class CudaTrajectoryTest {
  @BeforeAll
  static void load() {
    Emulator.load();
  }

  static Stream<Arguments> cases() throws IOException {
    return DiffusionSamplerGoldenTest.everyCaseOnEveryBackend()
        .filter(a -> a.get()[2].equals("scalar"))
        .map(a -> Arguments.of(a.get()[0], a.get()[1]));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void everyStepIsReproduced(Path folder, Path file) {
    new DiffusionSamplerGoldenTest().publishedModeReproducesEveryStep(folder, file, "cuda");
  }
}
