package llada.tokenizer;

/**
 * A vocabulary, pattern or template that this package cannot use, or a text on which a pattern
 * takes too many steps. The message is meant for the user: it names the value, the rule and the
 * remedy. Readers of files turn it into an error that also names the file.
 */
public final class TokenizerException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  public TokenizerException(String message) {
    super(message);
  }

  TokenizerException(String message, Throwable cause) {
    super(message, cause);
  }

  /** At most 40 characters of a value from a file, in quotes, fit to stand in a message. */
  static String shown(String value) {
    String text = value.length() > 40 ? value.substring(0, 40) + "…" : value;
    return "'" + text.replace("\n", "\\n").replace("\r", "\\r") + "'";
  }
}
