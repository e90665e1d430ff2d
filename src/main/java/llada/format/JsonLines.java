package llada.format;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** Files of JSON objects: one a line, or an array of them. */
public final class JsonLines {
  private static final int MAX_ARRAY_BYTES = 1 << 30;

  private JsonLines() {}

  /**
   * The objects of a file; those of an array if its name ends in {@code .json}, else one of every
   * line that is not blank. Each knows its file and line.
   *
   * @throws FormatException naming file and line of what cannot be read
   */
  public static List<Json> read(Path file) {
    if (file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".json")) {
      return Json.read(file, MAX_ARRAY_BYTES).list();
    }
    List<Json> objects = new ArrayList<>();
    forEach(file, objects::add);
    return objects;
  }

  /**
   * Hands the object of every line that is not blank to {@code use}, one by one: a file may be
   * larger than memory.
   *
   * @throws FormatException naming file and line of what cannot be read or is no object
   */
  public static void forEach(Path file, Consumer<Json> use) {
    TextLines.forEach(
        file,
        (number, line) -> {
          if (!line.isBlank()) {
            byte[] utf8 = line.getBytes(StandardCharsets.UTF_8);
            Json json = Json.parse(utf8, TextLines.where(file, number));
            json.map(); // an object, or it says so
            use.accept(json);
          }
        });
  }
}
