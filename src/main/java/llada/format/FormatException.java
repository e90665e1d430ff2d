package llada.format;

/**
 * A file that is not what it should be. The message is meant for the user: it names the file, the
 * value found, the rule that it breaks and, where there is one, the remedy.
 */
public final class FormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 80;

  public FormatException(String message) {
    super(message);
  }

  public FormatException(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * A name out of an untrusted file, fit for a message: in quotes, cut when long, and without
   * control characters, which could repaint the reader's terminal.
   */
  static String quote(String name) {
    StringBuilder shown = new StringBuilder("\"");
    for (int i = 0; i < Math.min(name.length(), SHOWN); i++) {
      char c = name.charAt(i);
      shown.append(Character.isISOControl(c) ? "\\u%04x".formatted((int) c) : String.valueOf(c));
    }
    return shown.append(name.length() > SHOWN ? "…\"" : "\"").toString();
  }
}
