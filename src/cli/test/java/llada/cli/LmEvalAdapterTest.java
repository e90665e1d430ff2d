package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import llada.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Python side of an evaluation harness; src/cli/test/python/llada_lm_eval_test.py says what is
 * asked.
 */
class LmEvalAdapterTest {
  @TempDir Path folder;

  @Test
  void theAdapterDoesWhatTheHarnessAsks() throws IOException, InterruptedException {
    String command =
        Stream.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                "llada.cli.Main")
            .map(word -> "'" + word + "'")
            .collect(Collectors.joining(" "));
    Path launcher =
        Files.writeString(
            folder.resolve("llada"), "#!/bin/sh\nexec " + command + " \"$@\" 2>/dev/null\n");
    Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwx------"));
    Path script = Golden.repository().resolve("src/cli/test/python/llada_lm_eval_test.py");
    Process python;
    try {
      python =
          new ProcessBuilder(
                  "python3", script.toString(), launcher.toString(), CliRun.model().toString())
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      abort("there is no python3 on the PATH");
      return;
    }
    String said = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(python.waitFor()).as(said).isZero();
    assertThat(said.strip()).endsWith("all as it should be");
  }
}
