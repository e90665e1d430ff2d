package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * With the launcher's flags a JVM goes on, and says nothing, where the archive of classes is none.
 */
class ClassArchiveTest {
  @TempDir Path temp;

  @Test
  void aBrokenOrMissingArchiveBreaksNothing() throws Exception {
    Path broken = Files.writeString(temp.resolve("classes.jsa"), "no archive at all");
    Path empty = Files.createFile(temp.resolve("empty.jsa"));
    for (Path archive : List.of(broken, empty, temp.resolve("missing.jsa"))) {
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:SharedArchiveFile=" + archive,
                  "-Xlog:cds*=off,aot*=off",
                  "-cp",
                  System.getProperty(
                      "surefire.test.class.path", System.getProperty("java.class.path")),
                  "llada.cli.Main",
                  "--version")
              .redirectErrorStream(true)
              .start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as(output).isZero();
      assertThat(output.strip()).isEqualTo(CommandContext.VERSION);
    }
  }
}
