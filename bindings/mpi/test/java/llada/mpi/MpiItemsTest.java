package llada.mpi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.Golden;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Items of a file under a real mpirun: generate, eval and score. */
class MpiItemsTest {
  private static final String MODEL =
      Golden.resources().resolve("checkpoints/shakespeare-llada").toString();

  @TempDir Path folder;

  @BeforeEach
  void mpirun() {
    Mpirun.require();
  }

  private Path lines(String name, int count, Function<Integer, String> line) throws IOException {
    return Files.writeString(
        folder.resolve(name),
        IntStream.range(0, count).boxed().map(line).collect(Collectors.joining("\n")));
  }

  private static String[] with(List<String> command, Path output) {
    List<String> all = new ArrayList<>(command);
    all.addAll(List.of("--model=" + MODEL, "--threads=1", "--output=" + output));
    return all.toArray(String[]::new);
  }

  private void requireSame(int processes, String... command) throws Exception {
    Path one = folder.resolve(command[0] + ".one");
    Path many = folder.resolve(command[0] + ".many");
    Mpirun.Ended alone = Mpirun.alone(with(List.of(command), one));
    Mpirun.Ended shared = Mpirun.run(folder, processes, with(List.of(command), many));
    assertThat(alone.code()).as(alone.err()).isZero();
    assertThat(shared.code()).as(shared.err()).isZero();
    assertThat(many).hasSameBinaryContentAs(one);
    assertThat(shared.out()).isEqualTo(alone.out());
    assertThat(shared.err()).doesNotContain("MPI").doesNotContain("process 1");
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left).noneMatch(path -> path.toString().contains(".part-"));
    }
  }

  @Test
  void answersAreThoseOfOneProcess() throws Exception {
    Path prompts = lines("p.jsonl", 5, i -> "{\"prompt\": \"ROMEO: %d\"}".formatted(i));
    requireSame(
        3,
        "generate",
        "--input=" + prompts,
        "--gen-length=8",
        "--temperature=0.7",
        "--batch-size=2");
  }

  @Test
  void accuraciesAreThoseOfOneProcess() throws Exception {
    Path questions =
        lines(
            "q.jsonl",
            7,
            i ->
                "{\"question\": \"%d?\", \"choices\": [\"my lord\", \"xq%d\"], \"answer\": %d}"
                    .formatted(i, i, i % 2));
    requireSame(2, "eval", questions.toString(), "--mc-num=4", "--json");
  }

  @Test
  void totalsAreThoseOfOneProcess() throws Exception {
    Path texts = lines("t.jsonl", 5, i -> "{\"text\": \"My lord, I will %d.\"}".formatted(i));
    requireSame(2, "score", "--input=" + texts, "--mc-num=16", "--json");
  }

  @Test
  void oneThatIsKilledEndsTheOthersAndTheRestIsDoneInAnotherNumber() throws Exception {
    Path prompts = lines("p.jsonl", 24, i -> "{\"prompt\": \"ROMEO: %d\"}".formatted(i));
    List<String> command = List.of("generate", "--input=" + prompts, "--gen-length=16");
    Path file = folder.resolve("answers");
    Path part = folder.resolve("answers.part-1");
    Mpirun run = Mpirun.start(folder, 2, with(command, file));
    run.kill(1, () -> whole(part) > 0);
    Mpirun.Ended killed = run.ended(15);
    assertThat(killed.code()).isNotZero();
    assertThat(killed.err()).containsOnlyOnce("exited on signal 9 (Killed)");
    long done = whole(file) + whole(part);
    assertThat(done).isBetween(1L, 23L);
    Mpirun.Ended again = Mpirun.run(folder, 3, with(command, file));
    assertThat(again.code()).as(again.err()).isZero();
    assertThat(again.err()).containsOnlyOnce(done + " of 24 are done already");
    Path one = folder.resolve("one");
    assertThat(Mpirun.alone(with(command, one)).code()).isZero();
    assertThat(file).hasSameBinaryContentAs(one);
  }

  /** How many results of a file are whole. */
  private static long whole(Path file) {
    try {
      return Files.notExists(file)
          ? 0
          : Files.readAllLines(file).stream().filter(line -> line.endsWith("\"}")).count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void theyNeedAFileAndSaySoOnce() throws Exception {
    Path prompts = lines("p.jsonl", 1, _ -> "{\"prompt\": \"ROMEO:\"}");
    Mpirun.Ended ended =
        Mpirun.run(folder, 2, "generate", "--input=" + prompts, "--model=" + MODEL);
    assertThat(ended.code()).isNotZero();
    assertThat(ended.err())
        .containsOnlyOnce("2 processes need --output, a file in a folder that all of them see");
  }
}
