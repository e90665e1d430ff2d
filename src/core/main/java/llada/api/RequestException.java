package llada.api;

/** What was asked cannot be done; the message has the values, the rule and the remedy. */
public final class RequestException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /** With a message for whoever asked. */
  public RequestException(String message) {
    super(message);
  }
}
