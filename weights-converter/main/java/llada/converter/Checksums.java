package llada.converter;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import llada.format.FormatException;
import llada.format.Sha256;
import llada.format.TextLines;

/** SHA-256 sums of a model's files: whether they are the files that were published. Any thread. */
public final class Checksums {
  private static final int MAX_LIST_BYTES = 1 << 20;
  private static final String SUM = "[0-9a-fA-F]{64}";

  private Checksums() {}

  /**
   * Checks one file.
   *
   * @throws FormatException if it cannot be read, the sum is none, or the file has another
   */
  public static void require(Path file, String wanted) {
    if (!wanted.matches(SUM)) {
      throw new FormatException(
          "the SHA-256 '%s' is not one of 64 hexadecimal digits; copy it again".formatted(wanted));
    }
    if (!Files.isRegularFile(file)) {
      throw new FormatException(
          file + ": is no file, so it has no SHA-256; give the sums of a folder's files as a list");
    }
    String found = Sha256.of(file);
    if (!found.equals(wanted.toLowerCase(Locale.ROOT))) {
      throw new FormatException(
          "%s: its SHA-256 is %s, but %s was given; download it again"
              .formatted(file, found, wanted));
    }
  }

  /**
   * Checks all files of a list.
   *
   * @param model the folder that holds them, or a file beside them
   * @return how many there are
   * @throws FormatException if a line is malformed or a file is missing or has another sum
   */
  public static int requireAll(Path model, Path list) {
    Path folder = Files.isDirectory(model) ? model : model.toAbsolutePath().getParent();
    List<String> lines = TextLines.read(list, MAX_LIST_BYTES).lines().toList();
    int checked = 0;
    for (String line : lines) {
      if (line.isBlank()) {
        continue;
      }
      String[] parts = line.strip().split("\\s+\\*?", 2);
      if (parts.length != 2 || !parts[0].matches(SUM)) {
        throw new FormatException(
            "%s: line '%s' is not a SHA-256 and a file name".formatted(list, line));
      }
      require(inside(folder, list, parts[1]), parts[0]);
      checked++;
    }
    if (checked == 0) {
      throw new FormatException(list + ": lists no file");
    }
    return checked;
  }

  private static Path inside(Path folder, Path list, String name) {
    try {
      Path file = folder.resolve(name).normalize();
      if (file.startsWith(folder.normalize())) {
        return file;
      }
    } catch (InvalidPathException e) {
      // no file has such a name
    }
    throw new FormatException("%s: '%s' is no file in %s".formatted(list, name, folder));
  }
}
