package llada.api;

/** What a listener wants after a step. */
public enum Next {
  /** The next step. */
  CONTINUE,
  /** No further step: the answer is what is there by now. */
  STOP
}
