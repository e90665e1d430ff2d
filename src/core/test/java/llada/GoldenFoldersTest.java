package llada;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;

/** Every file of the family's golden vectors belongs to a test, but for what is named here. */
class GoldenFoldersTest {
  @Test
  void everyFileIsRead(TestReporter reporter) throws ClassNotFoundException {
    for (Path folder : GoldenFolders.unsupported()) {
      reporter.publishEntry("left out", folder + ": its architecture is not supported");
    }
    for (Path file : GoldenFolders.leftOut()) {
      reporter.publishEntry("left out", file + ": vectors of training");
    }
    assertThat(GoldenFolders.unread()).as("golden files that no test reads").isEmpty();
    for (String reader : GoldenFolders.readers()) {
      assertThat(Class.forName(reader, false, getClass().getClassLoader()).getName())
          .isEqualTo(reader);
    }
  }
}
