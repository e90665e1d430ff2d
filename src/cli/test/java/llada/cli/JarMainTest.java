package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import llada.Golden;
import org.junit.jupiter.api.Test;

/** The jar's entry gives the JVM what the launcher gives it. */
final class JarMainTest {
  @Test
  void optionsAreTheLaunchers() throws IOException {
    String launcher = Files.readString(Golden.repository().resolve("src/cli/main/shell/run-java"));
    assertThat(launcher).contains(JarMain.OPTIONS).contains("-XX:+UseSerialGC");
  }
}
