package llada.checkpoint;

import java.nio.file.Path;
import java.util.List;
import llada.GoldenFolders;
import llada.cuda.Emulator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Golden logits, activations and routes of the family's models on the emulator. */
@Tag("gpu")
final class CudaFamilyTest {
  @BeforeAll
  static void load() {
    Emulator.loadOrGpu();
  }

  static List<Path> checkpoints() {
    return GoldenFolders.checkpoints();
  }

  @ParameterizedTest
  @MethodSource("checkpoints")
  void logitsAgree(Path folder, TestReporter reporter) {
    new FamilyGoldenTest().logitsAgree(folder, "cuda", reporter);
  }

  @ParameterizedTest
  @MethodSource("checkpoints")
  void activationsAgree(Path folder, TestReporter reporter) {
    new FamilyGoldenTest().activationsAgree(folder, "cuda", reporter);
  }
}
