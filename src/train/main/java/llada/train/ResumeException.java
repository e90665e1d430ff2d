package llada.train;

/** A run cannot be resumed with these settings or this data. */
public final class ResumeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ResumeException(String message) {
    super(message);
  }
}
