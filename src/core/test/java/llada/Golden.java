package llada;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import llada.format.Json;

/**
 * The golden vectors: made by the published LLaDA code, found by listing folders, so that another
 * set of the same form runs unchanged. The folders are those of the environment variable {@code
 * LLADA_GOLDEN}, several as in a class path, by default the repository's copies.
 *
 * <p>There are two forms: that of dense LLaDA, read here, and that of the family, which {@link
 * GoldenFolders} reads.
 */
public final class Golden {
  private Golden() {}

  /** Whether the folders are the repository's own. */
  static boolean own() {
    String given = System.getenv("LLADA_GOLDEN");
    return given == null || given.isBlank();
  }

  /** The folders that hold checkpoints, or are one. */
  static List<Path> roots() {
    return own()
        ? List.of(resources().resolve("golden"), resources().resolve("golden-families"))
        : Arrays.stream(System.getenv("LLADA_GOLDEN").split(File.pathSeparator))
            .map(Path::of)
            .toList();
  }

  /** The folder of the vector set of dense LLaDA: the first that has one. */
  public static Path root() {
    return roots().stream()
        .filter(root -> folders(root).stream().anyMatch(folder -> !GoldenFolders.holds(folder)))
        .findFirst()
        .orElseGet(() -> roots().getFirst());
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

  /** Every checkpoint of dense LLaDA in the set: a folder with a config.json, by name. */
  public static List<Path> checkpoints() {
    return roots().stream().flatMap(root -> checkpoints(root).stream()).toList();
  }

  /** Every checkpoint of dense LLaDA in a folder, by name. */
  public static List<Path> checkpoints(Path root) {
    return folders(root).stream().filter(folder -> !GoldenFolders.holds(folder)).toList();
  }

  /** Every checkpoint in a folder, of whatever architecture and form. */
  static List<Path> folders(Path root) {
    if (Files.exists(root.resolve("config.json"))) {
      return List.of(root);
    }
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
    List<Path> found = roots().stream().flatMap(root -> with(root, file)).toList();
    assumeTrue(!found.isEmpty(), () -> "no checkpoint in %s has %s".formatted(roots(), file));
    return found;
  }

  static List<Path> checkpointsWith(Path root, String file) {
    List<Path> found = with(root, file).toList();
    assumeTrue(!found.isEmpty(), () -> "no checkpoint in %s has %s".formatted(root, file));
    return found;
  }

  private static Stream<Path> with(Path root, String file) {
    return checkpoints(root).stream().filter(c -> Files.exists(c.resolve(file)));
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
