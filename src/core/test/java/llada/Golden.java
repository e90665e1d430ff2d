package llada;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import llada.format.Json;

/**
 * The golden vectors: made by the published LLaDA code, found by listing a folder, so that another
 * set of the same form runs unchanged. The folder is the environment variable {@code LLADA_GOLDEN},
 * by default the repository's copy.
 */
public final class Golden {
  private Golden() {}

  /** The folder of the vector set. */
  public static Path root() {
    String given = System.getenv("LLADA_GOLDEN");
    return given != null && !given.isBlank() ? Path.of(given) : resources().resolve("golden");
  }

  /** {@code src/core/test/resources}, wherever the tests are started. */
  public static Path resources() {
    return repository().resolve("src/core/test/resources");
  }

  /** The top of the checkout, wherever the tests are started. */
  public static Path repository() {
    Path start = Path.of("").toAbsolutePath();
    for (Path at = start; at != null; at = at.getParent()) {
      if (Files.isDirectory(at.resolve("src/core/test/resources/golden"))) {
        return at;
      }
    }
    throw new IllegalStateException("no checkout of LLaDA.java at or above " + start);
  }

  /** Every checkpoint of the set: a folder with a config.json, by name. */
  public static List<Path> checkpoints() {
    return checkpoints(root());
  }

  /** Every checkpoint in a folder, by name. */
  public static List<Path> checkpoints(Path root) {
    try (Stream<Path> folders = Files.list(root)) {
      List<Path> found =
          folders.filter(f -> Files.exists(f.resolve("config.json"))).sorted().toList();
      if (found.isEmpty()) {
        throw new IllegalStateException(root + " holds no checkpoint");
      }
      return found;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The checkpoints of the set that have this file; without one the test is skipped by its name.
   */
  public static List<Path> checkpointsWith(String file) {
    return checkpointsWith(root(), file);
  }

  static List<Path> checkpointsWith(Path root, String file) {
    List<Path> found =
        checkpoints(root).stream().filter(c -> Files.exists(c.resolve(file))).toList();
    assumeTrue(!found.isEmpty(), () -> "no checkpoint in %s has %s".formatted(root, file));
    return found;
  }

  /** Skips a test by its name where this checkpoint has no vectors for it. */
  public static void need(Path checkpoint, String file) {
    assumeTrue(
        Files.exists(checkpoint.resolve(file)),
        () -> "%s has no %s".formatted(checkpoint.getFileName(), file));
  }

  /** Parses a JSON file of the set. */
  public static Json json(Path file) {
    try {
      return Json.parse(Files.readAllBytes(file), file.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A matrix of ids. */
  public static int[][] ints(Json json) {
    return json.list().stream()
        .map(row -> row.list().stream().mapToInt(j -> (int) j.integer()).toArray())
        .toArray(int[][]::new);
  }

  /** A padding mask, or null. */
  public static boolean[][] mask(Json json) {
    if (json.isNull()) {
      return null;
    }
    int[][] ints = ints(json);
    boolean[][] visible = new boolean[ints.length][ints[0].length];
    for (int b = 0; b < ints.length; b++) {
      for (int i = 0; i < ints[b].length; i++) {
        visible[b][i] = ints[b][i] != 0;
      }
    }
    return visible;
  }
}
