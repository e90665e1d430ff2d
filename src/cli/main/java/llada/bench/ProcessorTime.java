package llada.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** CPU time in seconds of this process's threads, those of the virtual machine too, on Linux. */
final class ProcessorTime {
  private static final Path TASKS = Path.of("/proc/self/task");

  private ProcessorTime() {}

  /**
   * Of all threads that are alive but these.
   *
   * @param but a pattern of names, of which the system keeps 15 characters
   * @return NaN on another system
   */
  static double ofThreads(String but) {
    try (Stream<Path> tasks = Files.list(TASKS)) {
      List<Path> counted = tasks.filter(task -> !name(task).matches(but)).toList();
      return counted.stream().mapToDouble(ProcessorTime::of).sum();
    } catch (IOException | UncheckedIOException _) {
      return Double.NaN;
    }
  }

  private static String name(Path task) {
    try {
      return Files.readString(task.resolve("comm")).strip();
    } catch (IOException _) {
      return ""; // it has ended meanwhile
    }
  }

  private static double of(Path task) {
    try {
      return Double.parseDouble(Files.readString(task.resolve("schedstat")).split(" ")[0]) / 1e9;
    } catch (IOException _) {
      return 0;
    }
  }
}
