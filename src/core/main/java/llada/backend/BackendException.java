package llada.backend;

/**
 * A backend that was asked for by name cannot be had. The message gives the reason and the remedy.
 */
public class BackendException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public BackendException(String message) {
    super(message);
  }

  public BackendException(String message, Throwable cause) {
    super(message, cause);
  }
}
