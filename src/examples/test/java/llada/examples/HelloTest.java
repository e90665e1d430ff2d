package llada.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class HelloTest {
  @Test
  void answersAndDraws() {
    ByteArrayOutputStream answers = new ByteArrayOutputStream();
    ByteArrayOutputStream steps = new ByteArrayOutputStream();
    PrintStream out = System.out;
    PrintStream err = System.err;
    try {
      System.setOut(new PrintStream(answers, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(steps, true, StandardCharsets.UTF_8));
      Hello.main(new String[0]);
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
    assertThat(answers.toString(StandardCharsets.UTF_8).lines().filter(line -> !line.isBlank()))
        .as("what the bundled model says is not fixed, that it says something is")
        .hasSizeGreaterThanOrEqualTo(2);
    assertThat(steps.toString(StandardCharsets.UTF_8)).contains("░");
  }
}
