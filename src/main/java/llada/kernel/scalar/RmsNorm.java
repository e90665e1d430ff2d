package llada.kernel.scalar;

import llada.tensor.Tensor;

/**
 * Root-mean-square normalisation (Zhang and Sennrich 2019), computed in float32 as the published
 * code does whatever the type of the weights.
 */
public final class RmsNorm {
  private RmsNorm() {}

  /**
   * out[t, i] = x[t, i] / sqrt(mean_j x[t, j]^2 + eps) * weight[i].
   *
   * @param out (T, C), overwritten; may be {@code x}
   * @param x (T, C)
   * @param weight (C), any type
   */
  public static void forward(Tensor out, Tensor x, Tensor weight, float eps) {
    check(out, x, weight);
    int rows = x.dim(0);
    int c = x.dim(1);
    float[] scale = weight.toArray();
    for (int t = 0; t < rows; t++) {
      long row = (long) t * c;
      float sum = 0;
      for (int i = 0; i < c; i++) {
        float value = x.get(row + i);
        sum += value * value;
      }
      float inverse = (float) (1.0 / Math.sqrt(sum / c + eps));
      for (int i = 0; i < c; i++) {
        out.set(row + i, x.get(row + i) * inverse * scale[i]);
      }
    }
  }

  /** out and x are (T, C), weight is (C). */
  public static void check(Tensor out, Tensor x, Tensor weight) {
    Require.rank2("rms_norm", "x", x);
    Require.matrix("rms_norm", "x", x, x.shape().dim(0), x.shape().dim(1));
    Require.matrix("rms_norm", "out", out, x.shape().dim(0), x.shape().dim(1));
    Require.vector("rms_norm", "weight", weight, x.shape().dim(1));
  }
}
