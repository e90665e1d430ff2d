package llada.format;

import java.util.function.Supplier;

/**
 * A file that is not what it should be. The message is meant for the user: it names the file, the
 * value found, the rule that it breaks and, where there is one, the remedy.
 */
public class FormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 80;

  public FormatException(String message) {
    super(message);
  }

  public FormatException(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * The result of {@code work}; of what it complains, the message begins with {@code source}, the
   * name of a file.
   */
  public static <T> T naming(Object source, Supplier<T> work) {
    try {
      return work.get();
    } catch (FormatException e) {
      throw e.getMessage().startsWith(source.toString())
          ? e
          : new FormatException(source + ": " + e.getMessage(), e);
    }
  }

  /**
   * A name out of an untrusted file, fit for a message: in quotes, cut when long, and without
   * control characters, which could repaint the reader's terminal.
   */
  static String quote(String name) {
    String shown = printable(name.substring(0, Math.min(name.length(), SHOWN)));
    return '"' + shown + (name.length() > SHOWN ? "…\"" : "\"");
  }

  /**
   * A text fit for a terminal: control characters, ends of lines, characters that change the
   * direction of writing and halves of surrogate pairs are spelled out.
   */
  public static String printable(String text) {
    StringBuilder shown = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c -> {
              switch (Character.getType(c)) {
                case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE ->
                    shown.append("\\u%04x".formatted(c));
                default -> shown.appendCodePoint(c);
              }
            });
    return shown.toString();
  }
}
