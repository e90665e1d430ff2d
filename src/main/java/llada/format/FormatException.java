package llada.format;

/**
 * A file that is not what it should be. The message is meant for the user: it names the file, the
 * value found, the rule that it breaks and, where there is one, the remedy.
 */
public final class FormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public FormatException(String message) {
    super(message);
  }

  public FormatException(String message, Throwable cause) {
    super(message, cause);
  }
}
