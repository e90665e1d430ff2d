package llada;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The reading order names files that are there, with as many lines as they have. */
final class ReadingOrderTest {
  private static final Pattern ROW =
      Pattern.compile("\\| \\[`[\\w/]+`]\\(\\.\\./([\\w/.]+\\.java)\\) \\| (\\d+) \\|");

  @Test
  void linesAreCounted() throws IOException {
    Path top = Golden.repository().resolve("src");
    List<String> wrong = new ArrayList<>();
    int rows = 0;
    for (Matcher row = ROW.matcher(Files.readString(top.resolve("docs/reading.md")));
        row.find(); ) {
      rows++;
      int lines = Files.readAllLines(top.resolve(row.group(1))).size();
      if (lines != Integer.parseInt(row.group(2))) {
        wrong.add("%s has %d lines, the page says %s".formatted(row.group(1), lines, row.group(2)));
      }
    }
    assertThat(rows).isGreaterThan(15);
    assertThat(wrong).isEmpty();
  }
}
