package llada;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What lies below the command line says what is wrong in words, never by the name of an option. */
final class OptionNamesTest {
  private static final Pattern LITERAL = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"");
  private static final Pattern OPTION = Pattern.compile("(?:^|[\\s(`'])--?[a-z]");

  /** Options of other programs; a minus; and what files of earlier versions hold. */
  private static final List<String> ALLOWED =
      List.of(
          "--add-modules jdk.incubator.vector",
          "--std=c++17",
          "--gpu-architecture=",
          "-ln p",
          "mpirun -np",
          "--batch",
          "--always",
          "--dirty",
          "-dirty",
          "--abbrev=12");

  private static final List<String> SOURCES =
      List.of(
          "src/core/main/java",
          "src/train/main/java",
          "bindings/cuda/main/java",
          "bindings/mpi/main/java");

  @Test
  void noMessageBelowTheCommandLineNamesAnOption() throws IOException {
    List<String> found = new ArrayList<>();
    for (String folder : SOURCES) {
      try (Stream<Path> all = Files.walk(Golden.repository().resolve(folder))) {
        List<Path> files = all.filter(file -> file.toString().endsWith(".java")).toList();
        assertThat(files).as(folder).isNotEmpty();
        for (Path file : files) {
          for (String line : Files.readAllLines(file)) {
            options(line).forEach(literal -> found.add(file.getFileName() + ": " + literal));
          }
        }
      }
    }
    assertThat(found).isEmpty();
  }

  @Test
  void findsOptionsWhereThereAreSome() {
    assertThat(options("throw new X(\"a; use --backend auto\" + \"or -o\");"))
        .containsExactly("a; use --backend auto", "or -o");
    assertThat(options("throw new X(\"--lr is %s\", \"give it (-m)\");")).hasSize(2);
    assertThat(options("x(\"a-b, 3 - 4, -1, q -> p\", \"-ln p\"); // --not-a-literal")).isEmpty();
    assertThat(options(" * <pre>\"a --comment\"</pre>")).isEmpty();
  }

  private static List<String> options(String line) {
    if (line.strip().startsWith("*") || line.strip().startsWith("//")) {
      return List.of();
    }
    List<String> found = new ArrayList<>();
    for (Matcher literal = LITERAL.matcher(line); literal.find(); ) {
      String rest = literal.group(1);
      for (String allowed : ALLOWED) {
        rest = rest.replace(allowed, "");
      }
      if (OPTION.matcher(rest).find()) {
        found.add(literal.group(1));
      }
    }
    return found;
  }
}
