package llada.api;

/** So many requests wait that no other is taken; later there will be room. */
public final class QueueFullException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  QueueFullException(int waiting) {
    super("%d requests are waiting already; ask again later".formatted(waiting));
  }
}
