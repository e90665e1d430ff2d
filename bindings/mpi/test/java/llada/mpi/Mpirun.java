package llada.mpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import llada.cli.Main;

/** The command line under a real mpirun, where there is one. */
record Mpirun(Process process, Path out, Path err) {
  /** How it ended, and what it said on standard output and on standard error. */
  record Ended(int code, String out, String err) {}

  static void require() {
    assumeTrue(
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(p -> Files.isExecutable(Path.of(p, "mpirun"))),
        "there is no mpirun on the PATH (Debian: openmpi-bin)");
  }

  /** Starts a command; what it says is kept in the folder. */
  static Mpirun start(Path folder, int processes, String... args) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of("mpirun", "-np", Integer.toString(processes), "--oversubscribe", "--bind-to"));
    command.addAll(
        List.of(
            "none",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            "llada.cli.Main"));
    command.addAll(List.of(args));
    Path out = Files.createTempFile(folder, "mpirun", ".out");
    Path err = Files.createTempFile(folder, "mpirun", ".err");
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("OMPI_ALLOW_RUN_AS_ROOT", "1"); // as in a container
    builder.environment().put("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    builder.redirectOutput(out.toFile()).redirectError(err.toFile());
    return new Mpirun(builder.start(), out, err);
  }

  static Ended run(Path folder, int processes, String... args)
      throws IOException, InterruptedException {
    return start(folder, processes, args).ended(120);
  }

  /** The same command without mpirun, in this process. */
  static Ended alone(String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code = Main.run(args, new ByteArrayInputStream(new byte[0]), out, err);
    return new Ended(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  Ended ended(int seconds) throws IOException, InterruptedException {
    boolean ended = process.waitFor(seconds, TimeUnit.SECONDS);
    process.destroyForcibly();
    String said = Files.readString(err);
    assertThat(ended).as("ended within %d seconds: %s", seconds, said).isTrue();
    return new Ended(process.exitValue(), Files.readString(out), said);
  }

  /** Kills one process as {@code kill -9} does, when it has come so far. */
  void kill(int rank, BooleanSupplier soFar) throws IOException, InterruptedException {
    while (!soFar.getAsBoolean()) {
      assertThat(process.isAlive()).as(Files.readString(err)).isTrue();
      Thread.sleep(10);
    }
    List<ProcessHandle> victims =
        process.descendants().filter(child -> isRank(child, rank)).toList();
    assertThat(victims).hasSize(1);
    assertThat(victims.getFirst().destroyForcibly()).isTrue();
  }

  private static boolean isRank(ProcessHandle child, int rank) {
    try {
      String variables = Files.readString(Path.of("/proc/" + child.pid() + "/environ"));
      return List.of(variables.split("\0")).contains("OMPI_COMM_WORLD_RANK=" + rank);
    } catch (IOException e) {
      return false; // it has ended
    }
  }
}
