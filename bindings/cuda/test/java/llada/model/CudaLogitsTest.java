package llada.model;

import java.nio.file.Path;
import java.util.stream.Stream;
import llada.Golden;
import llada.cuda.Emulator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Golden logits, activations and gradients on the emulator. */
@Tag("gpu")
final class CudaLogitsTest {
  @BeforeAll
  static void load() {
    Emulator.loadOrGpu();
  }

  static Stream<Path> checkpoints() {
    return Stream.of(Golden.root(), Golden.resources().resolve("variants"))
        .flatMap(root -> Golden.checkpoints(root).stream());
  }

  @ParameterizedTest
  @MethodSource("checkpoints")
  void logitsAgree(Path folder, TestReporter reporter) {
    new MaskPredictorGoldenTest().logitsAgree(folder, "cuda", reporter);
  }

  @ParameterizedTest
  @MethodSource("checkpoints")
  void activationsAgree(Path folder, TestReporter reporter) {
    new MaskPredictorGoldenTest().activationsAgree(folder, "cuda", reporter);
  }

  @ParameterizedTest
  @CsvSource({"pretrain,false", "sft,true"})
  void gradientsAgree(String kind, boolean recompute, TestReporter reporter) {
    new GradientsGoldenTest().gradientsAgree(kind, "cuda", recompute, reporter);
  }
}
