package llada.format;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** Files of JSON objects: one a line, or an array of them. */
public final class JsonLines {
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
   * Hands the objects of a file to {@code use}, one by one: those of an array if it begins with a
   * bracket, else one of every line that is not blank. The file may be larger than memory.
   *
   * @throws FormatException naming file and line, or item, of what cannot be read or is no object
   */
  public static void forEach(Path file, Consumer<Json> use) {
    if (isArray(file)) {
      array(file, use);
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

  private static void array(Path file, Consumer<Json> use) {
    try (InputStream bytes = Files.newInputStream(file);
        BufferedReader text =
            new BufferedReader(new InputStreamReader(bytes, StandardCharsets.UTF_8.newDecoder()))) {
      text.mark(1);
      if (text.read() != '\uFEFF') { // a byte order mark
        text.reset();
      }
      Json.forEach(text, file.toString(), use);
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": not valid UTF-8, as JSON must be", e);
    } catch (IOException e) {
      throw MappedFile.unreadable(file, e);
    }
  }

  private static boolean isArray(Path file) {
    String start = MappedFile.start(file, 1024).strip();
    return start.startsWith("[") || start.startsWith("\u00EF\u00BB\u00BF["); // a byte order mark
  }
}
