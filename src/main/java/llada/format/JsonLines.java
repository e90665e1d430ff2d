package llada.format;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

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
    if (Files.isDirectory(file)) {
      throw new FormatException(file + ": is a folder; give a file of JSON lines");
    }
    if (Files.notExists(file)) {
      throw new FormatException(file + ": no such file or folder; check the path");
    }
    if (file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".json")) {
      return Json.read(file, MAX_ARRAY_BYTES).list();
    }
    List<Json> objects = new ArrayList<>();
    int line = 0;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                Files.newInputStream(file), StandardCharsets.UTF_8.newDecoder()))) {
      for (String next = in.readLine(); next != null; next = in.readLine()) {
        line++;
        if (!next.isBlank()) {
          String where = "%s: line %d".formatted(file, line);
          Json json = Json.parse(next.getBytes(StandardCharsets.UTF_8), where);
          json.map(); // an object, or it says so
          objects.add(json);
        }
      }
    } catch (CharacterCodingException e) {
      throw new FormatException(
          "%s: not valid UTF-8 after line %d; convert the file to UTF-8".formatted(file, line), e);
    } catch (NoSuchFileException e) {
      throw new FormatException(file + ": no such file or folder; check the path", e);
    } catch (AccessDeniedException e) {
      throw new FormatException(file + ": access denied; check the file's permissions", e);
    } catch (IOException e) {
      throw new FormatException(file + ": cannot be read: " + e.getMessage(), e);
    }
    return objects;
  }
}
