package llada.kernel.scalar;

import llada.tensor.Tensor;

/** What some products add to their result: one number a channel. */
public final class AddBias {
  private AddBias() {}

  /**
   * x[t, i] += bias[i].
   *
   * @param x (T, C), in place
   * @param bias (C), any type
   */
  public static void forward(Tensor x, Tensor bias) {
    check(x, bias);
    int c = x.dim(1);
    float[] values = bias.toArray();
    for (long i = 0; i < x.shape().elements(); i++) {
      x.set(i, x.get(i) + values[(int) (i % c)]);
    }
  }

  /**
   * dBias[i] += sum_t dOut[t, i]. The gradient of x is that of the sum.
   *
   * @param dBias (C) float32, accumulates
   * @param dOut (T, C)
   */
  public static void backward(Tensor dBias, Tensor dOut) {
    checkBackward(dBias, dOut);
    int c = dOut.dim(1);
    for (long i = 0; i < dOut.shape().elements(); i++) {
      dBias.set(i % c, dBias.get(i % c) + dOut.get(i));
    }
  }

  /** dBias is (C), dOut is (T, C). */
  public static void checkBackward(Tensor dBias, Tensor dOut) {
    check(dOut, dBias);
    Require.f32("add_bias backward", "dBias", dBias);
  }

  /** x is (T, C), bias is (C). */
  public static void check(Tensor x, Tensor bias) {
    Require.rank2("add_bias", "x", x);
    Require.matrix("add_bias", "x", x, x.shape().dim(0), x.shape().dim(1));
    Require.vector("add_bias", "bias", bias, x.shape().dim(1));
  }
}
