package llada.train;

/** The loss or a gradient is no number. The message says where, on what data, and what remains. */
public final class NonFiniteLossException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public NonFiniteLossException(String message) {
    super(message);
  }
}
