package llada.kernel.scalar;

import llada.tensor.Tensor;

/** The residual connection: a block adds to the stream and never replaces it. */
public final class Residual {
  private Residual() {}

  /**
   * x += delta.
   *
   * @param x (T, C), accumulates
   * @param delta (T, C)
   */
  public static void forward(Tensor x, Tensor delta) {
    check(x, delta);
    for (long i = 0; i < x.shape().elements(); i++) {
      x.set(i, x.get(i) + delta.get(i));
    }
  }

  /** Both are (T, C). */
  public static void check(Tensor x, Tensor delta) {
    Require.rank2("residual", "x", x);
    Require.matrix("residual", "x", x, x.shape().dim(0), x.shape().dim(1));
    Require.matrix("residual", "delta", delta, x.shape().dim(0), x.shape().dim(1));
  }
}
