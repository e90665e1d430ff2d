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

  /** There is no backend of the name that was asked for. */
  public static final class UnknownName extends BackendException {
    private static final long serialVersionUID = 1L;

    UnknownName(String name) {
      super(
          "backend %s is unknown; there are %s".formatted(name, String.join(", ", Backends.NAMES)));
    }
  }
}
