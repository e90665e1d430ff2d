package llada.diffusion;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.cuda.Emulator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Some of the golden generations, step by step, on the emulator, which takes its time. */
@Tag("gpu")
final class CudaTrajectoryTest {
  @BeforeAll
  static void load() {
    Emulator.loadOrGpu();
  }

  static Stream<Arguments> cases() throws IOException {
    List<Arguments> all =
        DiffusionSamplerGoldenTest.everyCaseOnEveryBackend()
            .filter(a -> a.get()[2].equals("scalar"))
            .map(a -> Arguments.of(a.get()[0], a.get()[1]))
            .toList();
    return IntStream.range(0, all.size()).filter(i -> i % 4 == 0).mapToObj(all::get);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void everyStepIsReproduced(Path folder, Path file) {
    new DiffusionSamplerGoldenTest().publishedModeReproducesEveryStep(folder, file, "cuda");
  }
}
