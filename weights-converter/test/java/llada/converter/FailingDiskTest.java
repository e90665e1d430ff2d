package llada.converter;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import llada.Golden;
import llada.checkpoint.QuantizationMix;
import llada.format.Disk;
import llada.format.FormatException;
import llada.format.PowerCut;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The n-th operation on the disk fails, for every n: the target is whole or as it was before, there
 * is one line that says why, and the next run leaves what a run without a fault leaves.
 */
final class FailingDiskTest {
  private static final Path SOURCE = Golden.resources().resolve("golden/tiny-llada");

  @TempDir Path folder;

  private interface Work {
    void run(Path in);
  }

  /** Any number of operations may fail; returns how many runs were refused. */
  private void everyOperationFails(String target, Optional<String> before, Work job)
      throws Exception {
    Path whole = empty("whole", target, before);
    PowerCut disk = new PowerCut(whole);
    run(disk, whole, job);
    Map<String, Integer> expected = PowerCut.hashes(PowerCut.tree(whole));
    assertThat(expected).containsKey(target);
    assertThat(expected.keySet()).noneMatch(name -> name.startsWith("."));
    int refused = 0;
    for (int n = 0; n < disk.operations(); n++) {
      Path in = empty("in" + n, target, before);
      Map<String, Integer> old = PowerCut.hashes(PowerCut.tree(in));
      PowerCut failing = new PowerCut(in, n);
      try {
        run(failing, in, job);
      } catch (FormatException e) {
        refused++;
        assertThat(e.getMessage())
            .contains(target, "injected fault at operation " + n)
            .doesNotContain("\n");
      }
      assertThat(failing.failed()).isTrue();
      Map<String, Integer> left = PowerCut.hashes(PowerCut.tree(in));
      left.keySet().removeIf(name -> name.startsWith("."));
      assertThat(left).as("operation %d", n).isIn(expected, old);
      if (left.equals(old)) {
        run(new PowerCut(in), in, job);
        assertThat(PowerCut.hashes(PowerCut.tree(in))).as("operation %d", n).isEqualTo(expected);
      }
      new PowerCut(folder).deleteTree(in);
    }
    assertThat(refused).isGreaterThan(disk.operations() / 2);
  }

  private Path empty(String name, String target, Optional<String> before) throws IOException {
    Path in = Files.createDirectory(folder.resolve(name));
    if (before.isPresent()) {
      Files.writeString(in.resolve(target), before.get());
    }
    return in;
  }

  private static void run(PowerCut disk, Path in, Work job) throws Exception {
    ScopedValue.where(Disk.CURRENT, disk)
        .call(
            () -> {
              job.run(in);
              return null;
            });
  }

  private static void convert(Path target, QuantizationMix mix) {
    Converter.convert(SOURCE, target, Converter.Settings.of(mix).threads(1), Progress.NONE);
  }

  @Test
  void aNewFile() throws Exception {
    everyOperationFails(
        "x.gguf", Optional.empty(), in -> convert(in.resolve("x.gguf"), QuantizationMix.Q4_0));
  }

  @Test
  void aFileThatIsReplaced() throws Exception {
    everyOperationFails(
        "x.gguf", Optional.of("old"), in -> convert(in.resolve("x.gguf"), QuantizationMix.F32));
  }

  @Test
  void aFolderOfShards() throws Exception {
    everyOperationFails(
        "x",
        Optional.empty(),
        in ->
            Converter.convert(
                SOURCE,
                in.resolve("x"),
                new Converter.Settings(
                    Optional.of(QuantizationMix.F32),
                    Optional.empty(),
                    Importance.NONE,
                    200_000,
                    1),
                Progress.NONE));
  }

  @Test
  void anImportanceMatrix() throws Exception {
    everyOperationFails(
        "x.gguf", Optional.empty(), in -> Importance.NONE.write(in.resolve("x.gguf")));
  }
}
