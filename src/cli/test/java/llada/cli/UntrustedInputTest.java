package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.StringReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.LineReader;
import llada.kernel.machine.MachineKernels;
import llada.train.LossLog;
import llada.train.TrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rules for input that is not trusted, each in its one place. */
class UntrustedInputTest {
  @TempDir Path folder;

  @Test
  void aMessageIsOneShortLineThatCommandsNoTerminal() {
    assertThat(Console.line(" a\n  b\u001b[2J\u202e\u2066\u2028c\ud800 "))
        .isEqualTo("a b\\u001b[2J\\u202e\\u2066 c\\ud800");
    assertThat(Console.line("caf\u00e9 \ud83d\ude00")).isEqualTo("caf\u00e9 \ud83d\ude00");
    String cut = Console.line("FILE: \u001b" + "x".repeat(100_000) + "; the remedy");
    assertThat("llada: " + cut).hasSizeLessThanOrEqualTo(1_000);
    assertThat(cut).startsWith("FILE: \\u001bxx").contains(" … ").endsWith("x; the remedy");
    assertThat("llada: " + Console.line("\u001b".repeat(100_000))).hasSizeLessThanOrEqualTo(1_000);
  }

  @Test
  void aStackTraceIsCleanedToo() throws IOException {
    Path file = Files.writeString(folder.resolve("config.json"), "{\"n_heads\": \"\\u001b[2J\"}");
    CliRun run = CliRun.of("info", "-m", file.getParent().toString(), "--verbose");
    assertThat(run.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(run.err()).contains("\tat llada.").doesNotContain("\u001b");
  }

  @Test
  void argumentsThatTheLocaleCannotExpressAreRefused() {
    CliRun run = CliRun.onModel("tokenize", "caf\uFFFD\uFFFD");
    assertThat(run.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(run.err()).hasLineCount(1).contains("U+FFFD", "LC_ALL=C.UTF-8");
    assertThat(CliRun.onModel("tokenize", "caf\u00e9").code()).isZero();
  }

  @Test
  void manySmallValuesDoNotFillTheMemory() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (String unit : List.of("[],", "{\"a\":1},", "1,", "\"\",")) {
      byte[] text =
          ("[" + unit.repeat(30_000_000 / unit.length()) + "1]")
              .getBytes(StandardCharsets.US_ASCII);
      long before = threads.getCurrentThreadAllocatedBytes();
      assertThatThrownBy(() -> Json.parse(text, "FILE"))
          .isInstanceOf(FormatException.class)
          .hasMessageStartingWith("FILE: its JSON takes more than 256 MB of memory");
      // The text itself, the values, and the lists that grow by copying.
      assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(512L << 20);
    }
  }

  @Test
  void numbersBeyondAllBoundsAreRefused() {
    for (String number : List.of("1E400", "-1e999")) {
      assertThatThrownBy(
              () -> Json.parse(("{\"a\": " + number + "}").getBytes(StandardCharsets.UTF_8), "F"))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("too large");
    }
  }

  @Test
  void linesAreThoseOfBufferedReaderButHaveALimit() throws IOException {
    for (String text :
        List.of(
            "", "\n", "a", "a\n", "a\r\nb", "\r\r\n\n", "a\rb\r", "x".repeat(40_000) + "\r\ny")) {
      LineReader in = new LineReader(new StringReader(text), "FILE");
      List<String> lines = new ArrayList<>();
      for (String line = in.next(); line != null; line = in.next()) {
        lines.add(line);
      }
      assertThat(lines).isEqualTo(text.lines().toList());
    }
    LineReader endless =
        new LineReader(
            new java.io.Reader() {
              @Override
              public int read(char[] buffer, int from, int length) {
                return length; // NULs, as /dev/zero
              }

              @Override
              public void close() {}
            },
            "FILE");
    assertThatThrownBy(endless::next)
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith("FILE: line 1 has more than 67108864 characters");
  }

  @Test
  void pipesAndDevicesAreNoFiles() throws IOException, InterruptedException {
    assumeTrue(
        Files.exists(Path.of("/dev/zero")) && Files.isExecutable(Path.of("/usr/bin/mkfifo")));
    Path pipe = folder.resolve("pipe.jsonl");
    new ProcessBuilder("/usr/bin/mkfifo", pipe.toString()).start().waitFor();
    for (String file : List.of(pipe.toString(), "/dev/zero")) {
      for (String[] command :
          new String[][] {
            {"eval", "-m", CliRun.model().toString(), file},
            {"score", "-m", CliRun.model().toString(), "--input", file},
            {"generate", "-m", CliRun.model().toString(), "--input", file},
            {"train", "--data", file, "-o", folder.resolve("run").toString()},
            {"bench", "rounding", "-m", CliRun.model().toString(), "--text", file},
            {"info", "-m", file}
          }) {
        CliRun run = assertTimeoutPreemptively(Duration.ofSeconds(60), () -> CliRun.of(command));
        assertThat(run.code()).as("%s", run).isEqualTo(ExitCodes.BAD_FILE);
        assertThat(run.err()).hasLineCount(1).contains(file);
      }
    }
  }

  @Test
  void anOptionWithoutEffectIsSaid() {
    CliRun run =
        CliRun.onModel(
            "generate", "--bf16", "--backend", "vector", "--gen-length", "2", "-q", "hi");
    assertThat(run.code()).isZero();
    assertThat(run.err()).hasLineCount(1).contains("--bf16 has no effect: the vector backend");
  }

  /** On a processor without bfloat16 the line is right; on one with it, it must not come. */
  @Test
  void anOptionWithAnEffectIsNot() {
    CliRun run =
        CliRun.onModel(
            "generate", "--bf16", "--backend", "machine", "--gen-length", "2", "-q", "hi");
    assumeTrue(run.code() != ExitCodes.NO_BACKEND, "no machine code here");
    assertThat(run.err().contains("has no effect")).isEqualTo(!MachineKernels.processorHasBf16());
  }

  /** What a kill leaves: all steps but the last, whose validation was not known yet. */
  @Test
  void aStepIsInTheLogWhenTheNextOneComes() throws IOException {
    Path file = folder.resolve("loss.csv");
    LossLog log = new LossLog(file, 0);
    for (int step = 1; step <= 3; step++) {
      log.step(new TrainingListener.Step(step, 3, 0.5, 1e-3, 1, 10, 0.1, new double[5]));
    }
    assertThat(Files.readAllLines(file)).hasSize(3).last().asString().startsWith("2,0.5");
  }
}
