package llada.format;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** Files of JSON objects: one a line, or an array of them. */
public final class JsonLines {
  private static final int MAX_ARRAY_BYTES = 1 << 30;

  private JsonLines() {}

  /** Whether a file of this name is read so: {@code .jsonl}, {@code .ndjson} or {@code .json}. */
  public static boolean hasName(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".jsonl") || name.endsWith(".ndjson") || name.endsWith(".json");
  }

  /**
   * The objects of a file, as {@link #forEach} finds them. Each knows its file and line.
   *
   * @throws FormatException naming file and line of what cannot be read
   */
  public static List<Json> read(Path file) {
    List<Json> objects = new ArrayList<>();
    forEach(file, objects::add);
    return objects;
  }

  /**
   * Hands the objects of a file to {@code use}, one by one: those of an array if its name ends in
   * {@code .json} and it begins with a bracket; else one of every line that is not blank, and the
   * file may be larger than memory.
   *
   * @throws FormatException naming file and line of what cannot be read or is no object
   */
  public static void forEach(Path file, Consumer<Json> use) {
    if (isArray(file)) {
      byte[] utf8 = MappedFile.read(file, MAX_ARRAY_BYTES);
      for (Json json :
          Json.parseCorpus(Json.decode(utf8, file.toString()), file.toString()).list()) {
        json.map(); // an object, or it says so
        use.accept(json);
      }
      return;
    }
    TextLines.forEach(
        file,
        (number, line) -> {
          if (!line.isBlank()) {
            Json json = Json.parseCorpus(line, TextLines.where(file, number));
            json.map();
            use.accept(json);
          }
        });
  }

  private static boolean isArray(Path file) {
    if (!file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".json")) {
      return false;
    }
    String start = MappedFile.start(file, 1024).strip();
    return start.startsWith("[") || start.startsWith("\u00EF\u00BB\u00BF["); // a byte order mark
  }
}
