package llada.api;

import java.util.List;

/**
 * A listener of a list of requests has failed; the cause is what it threw. The requests were
 * answered nevertheless.
 */
public final class ListenerException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<Answer> answers;

  ListenerException(int request, RuntimeException cause, List<Answer> answers) {
    super("the listener of request %d failed: %s".formatted(request, cause), cause);
    this.answers = answers;
  }

  /**
   * The answers to all requests, in their order. One whose listener failed ends there, with {@link
   * Answer.End#STOPPED}.
   */
  public List<Answer> answers() {
    return answers;
  }
}
