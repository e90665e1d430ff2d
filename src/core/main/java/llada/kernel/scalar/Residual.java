package llada.kernel.scalar;

import llada.tensor.Tensor;

/** The residual connection: a block adds to the stream and never replaces it. */
public final class Residual {
  private Residual() {}

  /**
   * out = x + delta. Backward is nothing to do: the gradient of the sum is that of either part.
   *
   * @param out (T, C), overwritten; may be {@code x} or {@code delta}
   * @param x (T, C)
   * @param delta (T, C)
   */
  public static void forward(Tensor out, Tensor x, Tensor delta) {
    check(out, x, delta);
    for (long i = 0; i < x.shape().elements(); i++) {
      out.set(i, x.get(i) + delta.get(i));
    }
  }

  /** All are (T, C). */
  public static void check(Tensor out, Tensor x, Tensor delta) {
    Require.rank2("residual", "x", x);
    Require.matrix("residual", "x", x, x.shape().dim(0), x.shape().dim(1));
    Require.matrix("residual", "out", out, x.shape().dim(0), x.shape().dim(1));
    Require.matrix("residual", "delta", delta, x.shape().dim(0), x.shape().dim(1));
  }
}
