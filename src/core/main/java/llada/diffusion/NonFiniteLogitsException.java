package llada.diffusion;

/** The mask predictor gave a logit that is no number: its weights are damaged, or overflowed. */
public final class NonFiniteLogitsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NonFiniteLogitsException(double value, int token, int position, int step) {
    super(
        "the logit of token %d at position %d in step %d is %s"
            .formatted(token, position, step, value));
  }
}
