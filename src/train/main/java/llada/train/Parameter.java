package llada.train;

import llada.tensor.Tensor;

/**
 * A tensor that is trained.
 *
 * @param name as in the checkpoint's file
 * @param value float32, changed in place
 * @param gradient float32, of the same shape
 */
public record Parameter(String name, Tensor value, Tensor gradient) {
  /**
   * Checks that value and gradient fit.
   *
   * @throws IllegalArgumentException if their shapes differ
   */
  public Parameter {
    if (!value.shape().equals(gradient.shape())) {
      throw new IllegalArgumentException(
          "%s is %s, but its gradient %s".formatted(name, value.shape(), gradient.shape()));
    }
  }

  /** Whether it is a matrix: norms are vectors and are usually exempt from weight decay. */
  boolean matrix() {
    return value.shape().rank() > 1;
  }
}
