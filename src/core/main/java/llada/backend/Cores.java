package llada.backend;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** How many threads compute where nobody says it. */
public final class Cores {
  private static final Path LINUX = Path.of("/sys/devices/system/cpu");

  private Cores() {}

  /**
   * The cores that this process may use: processors that share a core share its vector units, too.
   * Where the system does not tell, its processors.
   */
  public static int usable() {
    return usable(LINUX, Runtime.getRuntime().availableProcessors());
  }

  static int usable(Path processors, int available) {
    try (Stream<Path> entries = Files.list(processors)) {
      long cores =
          entries
              .map(entry -> entry.resolve("topology/thread_siblings_list"))
              .filter(Files::isReadable)
              .map(Cores::read)
              .distinct()
              .count();
      return cores == 0 ? available : (int) Math.min(available, cores);
    } catch (IOException | UncheckedIOException _) {
      return available;
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
