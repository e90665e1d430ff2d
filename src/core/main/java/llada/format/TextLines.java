package llada.format;

import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Text files in UTF-8, streamed line by line. */
public final class TextLines {
  /** What is done with a line. */
  @FunctionalInterface
  public interface Use {
    /**
     * Called for every line in order.
     *
     * @param number counted from 1
     * @param line without its end
     */
    void line(long number, String line);
  }

  private TextLines() {}

  /**
   * Hands every line of a file to {@code use}.
   *
   * @throws FormatException naming the file if it cannot be read or is not UTF-8
   */
  public static void forEach(Path file, Use use) {
    MappedFile.requireRegular(file);
    long number = 0;
    // The reader's own decoder would replace what is not UTF-8; this one reports it.
    try (Reader text =
        new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8.newDecoder())) {
      LineReader in = new LineReader(text, file.toString());
      for (String line = in.next(); line != null; line = in.next()) {
        if (number == 0) {
          MappedFile.refusePointer(file, line);
          line = line.startsWith("\uFEFF") ? line.substring(1) : line; // a byte order mark
        }
        use.line(++number, line);
      }
    } catch (CharacterCodingException e) {
      throw new FormatException(
          "%s: not valid UTF-8 after line %d; convert the file to UTF-8, for example with iconv"
              .formatted(file, number),
          e);
    } catch (NoSuchFileException e) {
      throw new FormatException(file + ": no such file or folder; check the path", e);
    } catch (IOException e) {
      throw MappedFile.unreadable(file, e);
    }
  }

  /**
   * A whole text file, without a byte order mark.
   *
   * @throws FormatException if it is no regular file, larger than {@code maxBytes} or not UTF-8
   */
  public static String read(Path file, int maxBytes) {
    byte[] utf8 = MappedFile.read(file, maxBytes);
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
      return text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": not valid UTF-8; convert the file to UTF-8", e);
    }
  }

  /** How messages name a line: {@code FILE: line N}. */
  public static String where(Path file, long number) {
    return "%s: line %d".formatted(file, number);
  }
}
