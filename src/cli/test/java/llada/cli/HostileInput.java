package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import llada.Golden;
import llada.Seeded;
import llada.format.Mutation;

/**
 * One format that the program reads, given damaged: whatever is in the file, the answer is an exit
 * code from 2 to 6, or 0 where what is left is valid, and one line that names the file; nothing
 * hangs or fills the memory. What ever failed stays in the corpus {@code hostile/NAME} of the test
 * resources and is tried first.
 */
public final class HostileInput {
  private static final long MEMORY_LIMIT = 512L << 20;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final String name;
  private final Path file;
  private final byte[] valid;
  private final boolean json;
  private final Function<byte[], CliRun> driver;

  private HostileInput(String name, Path file, byte[] valid, Function<byte[], CliRun> driver) {
    this.name = name;
    this.file = file;
    this.valid = valid;
    this.json = valid[0] == '{' || valid[0] == '[';
    this.driver = driver;
  }

  /**
   * A format in a file.
   *
   * @param name its folder in the corpus
   * @param file a valid one, which is damaged in its place
   * @param command the arguments of the command that reads it
   */
  public static HostileInput file(String name, Path file, String... command) {
    return read(name, file, () -> CliRun.of(command));
  }

  /** A format in a file that is read by {@code driver}. */
  public static HostileInput read(String name, Path file, Callable<CliRun> driver) {
    try {
      return new HostileInput(
          name,
          file,
          Files.readAllBytes(file),
          damaged -> {
            try {
              Files.write(file, damaged);
              return driver.call();
            } catch (Exception e) {
              throw new AssertionError(e);
            }
          });
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** A format on standard input, which is damaged on its way. */
  public static HostileInput input(String name, String valid, Function<byte[], CliRun> driver) {
    return new HostileInput(name, Path.of("input"), valid.getBytes(StandardCharsets.UTF_8), driver);
  }

  /** Runs a command that makes a valid file. */
  public static void run(String command) {
    CliRun run = CliRun.of(command.split(" "));
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
  }

  /** The valid file, the corpus, and {@code count} damaged ones. */
  public void check(int count) throws Exception {
    assertThat(driver.apply(valid).code()).as(name + " as it is").isEqualTo(ExitCodes.OK);
    for (Path kept : corpus()) {
      check(Files.readAllBytes(kept), kept.toString());
    }
    Seeded.cases(
        count,
        random -> {
          byte[] damaged = damaged(random);
          Path kept = Path.of("target/hostile", name + "-" + Integer.toHexString(hash(damaged)));
          try {
            check(damaged, name);
          } catch (AssertionError e) {
            Files.createDirectories(kept.getParent());
            Files.write(kept, damaged);
            throw new AssertionError(kept + ": " + e.getMessage(), e);
          }
        });
  }

  private static int hash(byte[] bytes) {
    return java.util.Arrays.hashCode(bytes);
  }

  private byte[] damaged(Random random) {
    if (json && random.nextInt(3) > 0) {
      return Mutation.damageJson(valid, random);
    }
    // Mostly at the beginning, where headers are.
    int attacked = random.nextInt(4) == 0 ? valid.length : Math.min(valid.length, 4_000);
    return Mutation.damage(valid, attacked, random);
  }

  private List<Path> corpus() throws IOException {
    Path folder = Golden.resources().resolve("hostile").resolve(name);
    if (Files.notExists(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private void check(byte[] damaged, String what) {
    long before = THREADS.getTotalThreadAllocatedBytes();
    CliRun run = assertTimeoutPreemptively(Duration.ofSeconds(60), () -> driver.apply(damaged));
    assertThat(THREADS.getTotalThreadAllocatedBytes() - before)
        .as("%s: bytes allocated; %s", what, run.err())
        .isLessThan(MEMORY_LIMIT);
    assertThat(run.code()).as("%s: %s", what, run.err()).isIn(0, 2, 3, 4, 5, 6);
    assertThat(
            run.err()
                .codePoints()
                .filter(c -> c != '\n')
                .filter(
                    c ->
                        Character.isISOControl(c)
                            || Character.getType(c) == Character.FORMAT
                            || c == 0x2028
                            || c == 0x2029))
        .as("%s: %s", what, run.err())
        .isEmpty();
    if (run.code() != 0) {
      assertThat(run.err().lines()).as("%s: %s", what, run).hasSize(1);
      assertThat(run.err().strip()).startsWith("llada: ").hasSizeLessThanOrEqualTo(1_000);
    }
    if (run.code() == ExitCodes.BAD_FILE) {
      // Or its folder, where files contradict each other, or the file that it leads to.
      assertThat(run.err())
          .containsPattern(
              Pattern.quote(file.getFileName().toString()) + "|^llada: [^ ]*[/\\\\][^ ]*: ");
    }
  }
}
