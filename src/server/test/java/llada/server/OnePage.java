package llada.server;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A test class with a browser of its own, which opens the page anew for each test. */
abstract class OnePage {
  @TempDir static Path downloads;

  static PageUser user; // null where there is no browser
  static Browser browser;

  @BeforeAll
  static void start() throws IOException {
    user = PageUser.start(downloads);
    browser = user.browser();
  }

  @AfterAll
  static void stop() {
    if (user != null) {
      user.close();
    }
  }

  @BeforeEach
  void open() {
    user.open();
  }
}
