package llada.mpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.format.Safetensors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real processes under a real mpirun, where there is one. */
class MpiTrainingTest {
  @TempDir Path folder;

  private Path text;

  @BeforeEach
  void mpirun() throws IOException {
    assumeTrue(
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(p -> Files.isExecutable(Path.of(p, "mpirun"))),
        "there is no mpirun on the PATH (Debian: openmpi-bin)");
    text = folder.resolve("text.txt");
    Files.writeString(
        text,
        IntStream.range(0, 400)
            .mapToObj(i -> "%d and %d are %d.".formatted(i % 7, i % 5, i % 7 + i % 5))
            .collect(Collectors.joining("\n")));
  }

  private record Ended(int code, String said) {}

  private Ended train(int processes, Path out, String... more)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    if (processes > 1) {
      command.addAll(
          List.of("mpirun", "-np", Integer.toString(processes), "--oversubscribe", "--bind-to"));
      command.add("none");
    }
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            "llada.cli.Main"));
    command.addAll(
        List.of("train", "--vocab=280", "--dim=16", "--layers=1", "--heads=2", "--ffn=24"));
    command.addAll(
        List.of("--length=16", "--steps=6", "--exact", "--threads=1", "--data", text.toString()));
    command.addAll(List.of("-o", out.toString()));
    command.addAll(List.of(more));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("OMPI_ALLOW_RUN_AS_ROOT", "1"); // as in a container
    builder.environment().put("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    Path log = folder.resolve("log" + out.getFileName());
    Process process = builder.redirectOutput(log.toFile()).start();
    boolean ended = process.waitFor(120, TimeUnit.SECONDS);
    process.destroyForcibly();
    String said = Files.readString(log);
    assertThat(ended).as(said).isTrue();
    return new Ended(process.exitValue(), said);
  }

  private static Map<String, float[]> weights(Path run) {
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(run.resolve("model/model.safetensors"), arena);
      return file.entries().keySet().stream()
          .collect(Collectors.toMap(name -> name, name -> file.tensor(name).toArray()));
    }
  }

  @Test
  void twoProcessesAreOneWithTwiceTheBatch() throws Exception {
    Ended one = train(1, folder.resolve("one"), "--batch=4");
    Ended two = train(2, folder.resolve("two"), "--batch=2");
    assertThat(one.code).as(one.said).isZero();
    assertThat(two.code).as(two.said).isZero();
    assertThat(two.said).containsOnlyOnce(", 2 processes").doesNotContain("MPI");
    assertThat(bound(two.said)).isCloseTo(bound(one.said), within(1e-3));
    Map<String, float[]> expected = weights(folder.resolve("one"));
    Map<String, float[]> found = weights(folder.resolve("two"));
    assertThat(found.keySet()).isEqualTo(expected.keySet());
    found.forEach(
        (name, values) ->
            assertThat(values)
                .as(name)
                .usingComparatorWithPrecision(1e-4f)
                .containsExactly(expected.get(name)));

    Ended other = train(1, folder.resolve("two"), "--resume");
    assertThat(other.code).isNotZero();
    assertThat(other.said).contains("was started with 2 processes, not 1");
  }

  private static double bound(String said) {
    String number = said.substring(said.lastIndexOf("validation bound ") + 17).split(" ")[0];
    return Double.parseDouble(number);
  }

  @Test
  void oneThatFailsEndsAllAndSpeaksOnce() throws Exception {
    Ended ended = train(2, folder.resolve("bad"), "--batch=2", "--objective=none");
    assertThat(ended.code).isNotZero();
    assertThat(ended.said.toLowerCase(Locale.ROOT))
        .containsOnlyOnce("--objective is 'none'; it must be one of");
  }
}
