package llada.cli;

/**
 * Options or arguments that do not fit together or do not fit the model, found after parsing. The
 * message names the option, the value, the rule and the remedy.
 */
final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UsageException(String message) {
    super(message);
  }
}
