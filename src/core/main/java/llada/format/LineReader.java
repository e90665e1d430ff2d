package llada.format;

import java.io.IOException;
import java.io.Reader;

/**
 * Lines of a text, each ended by {@code \n}, {@code \r}, both, or the end of the text. Unlike
 * BufferedReader's, a line has a limit: a text without ends of lines cannot fill the memory.
 */
public final class LineReader {
  private static final int MAX_LINE = 64 << 20;

  private final Reader in;
  private final String source;
  private final char[] buffer = new char[1 << 14];
  private int at;
  private int end;
  private long number;
  private boolean afterReturn;

  /**
   * A reader of lines.
   *
   * @param source the name to give in messages
   */
  public LineReader(Reader in, String source) {
    this.in = in;
    this.source = source;
  }

  /**
   * The next line without its end; null after the last.
   *
   * @throws FormatException if it is too long
   */
  public String next() throws IOException {
    StringBuilder line = new StringBuilder();
    number++;
    boolean any = false;
    while (at < end || fill()) {
      if (afterReturn && buffer[at] == '\n') {
        at++;
        afterReturn = false;
        continue;
      }
      afterReturn = false;
      any = true;
      int from = at;
      while (at < end && buffer[at] != '\n' && buffer[at] != '\r') {
        at++;
      }
      if (line.length() + at - from > MAX_LINE) {
        throw new FormatException(
            "%s: line %d has more than %d characters; break it up, or give a file of text"
                .formatted(source, number, MAX_LINE));
      }
      line.append(buffer, from, at - from);
      if (at < end) {
        afterReturn = buffer[at++] == '\r';
        return line.toString();
      }
    }
    return any ? line.toString() : null;
  }

  private boolean fill() throws IOException {
    at = 0;
    end = Math.max(0, in.read(buffer));
    return end > 0;
  }
}
