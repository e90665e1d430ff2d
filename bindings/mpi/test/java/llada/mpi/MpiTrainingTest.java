package llada.mpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import llada.format.Safetensors;
import llada.train.RunFolder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real processes under a real mpirun, where there is one. */
class MpiTrainingTest {
  @TempDir Path folder;

  private Path text;

  @BeforeEach
  void mpirun() throws IOException {
    Mpirun.require();
    text = folder.resolve("text.txt");
    Files.writeString(
        text,
        IntStream.range(0, 400)
            .mapToObj(i -> "%d and %d are %d.".formatted(i % 7, i % 5, i % 7 + i % 5))
            .collect(Collectors.joining("\n")));
  }

  private String[] training(Path out, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of("train", "--vocab=280", "--dim=16", "--layers=1", "--heads=2", "--ffn=24"));
    command.addAll(List.of("--exact", "--threads=1", "--data=" + text, "-o", out.toString()));
    command.add("--batch=4");
    command.addAll(List.of(more));
    return command.toArray(String[]::new);
  }

  private static Map<String, float[]> weights(Path run) {
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(run.resolve("model/model.safetensors"), arena);
      return file.entries().keySet().stream()
          .collect(Collectors.toMap(name -> name, name -> file.tensor(name).toArray()));
    }
  }

  private static void requireClose(Path expected, Path found) {
    Map<String, float[]> weights = weights(expected);
    assertThat(weights(found).keySet()).isEqualTo(weights.keySet());
    weights(found)
        .forEach(
            (name, values) ->
                assertThat(values)
                    .as(name)
                    .usingComparatorWithPrecision(1e-4f)
                    .containsExactly(weights.get(name)));
  }

  @Test
  void twoProcessesShareTheBatchOfOne() throws Exception {
    String[] small = {"--length=16", "--steps=6"};
    Mpirun.Ended one = Mpirun.alone(training(folder.resolve("one"), small));
    Mpirun.Ended two = Mpirun.run(folder, 2, training(folder.resolve("two"), small));
    assertThat(one.code()).as(one.err()).isZero();
    assertThat(two.code()).as(two.err()).isZero();
    assertThat(two.err()).containsOnlyOnce(", 2 processes").doesNotContain("MPI");
    assertThat(bound(two.out())).isCloseTo(bound(one.out()), within(1e-3));
    requireClose(folder.resolve("one"), folder.resolve("two"));
  }

  private static double bound(String said) {
    String number = said.substring(said.lastIndexOf("validation bound ") + 17).split(" ")[0];
    return Double.parseDouble(number);
  }

  @Test
  void oneThatIsKilledEndsTheOthersAndTheRunGoesOnInAnotherNumber() throws Exception {
    String[] slow = {
      "--length=128", "--steps=20", "--backend=scalar", "--save-every=1", "--validate-every=0"
    };
    Path run = folder.resolve("killed");
    Mpirun training = Mpirun.start(folder, 2, training(run, slow));
    training.kill(1, () -> new RunFolder(run).latest().isPresent());
    Mpirun.Ended killed = training.ended(15);
    assertThat(killed.code()).isNotZero();
    assertThat(killed.err()).containsOnlyOnce("exited on signal 9 (Killed)");
    assertThat(run.resolve("model")).doesNotExist();
    Mpirun.Ended resumed =
        Mpirun.alone("train", "--resume", "--threads=1", "--exact", "-o", run.toString());
    assertThat(resumed.code()).as(resumed.err()).isZero();
    Path whole = folder.resolve("whole");
    Mpirun.Ended one = Mpirun.alone(training(whole, slow));
    assertThat(one.code()).as(one.err()).isZero();
    requireClose(whole, run);
  }

  @Test
  void oneThatFailsEndsAllAndSpeaksOnce() throws Exception {
    Mpirun.Ended ended = Mpirun.run(folder, 2, training(folder.resolve("bad"), "--objective=none"));
    assertThat(ended.code()).isNotZero();
    assertThat(ended.err().toLowerCase(Locale.ROOT))
        .containsOnlyOnce("--objective is 'none'; it must be one of");
  }
}
