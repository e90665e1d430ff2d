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

  /**
   * With r = 1 / sqrt(mean_j x[t, j]^2 + eps) and g[i] = dOut[t, i] * weight[i]:
   *
   * <pre>
   *   dWeight[i] += sum_t dOut[t, i] * x[t, i] * r
   *   dx[t, i]   += r * g[i] - x[t, i] * r^3 / C * sum_j g[j] * x[t, j]
   * </pre>
   *
   * The second term is what the norm itself owes to x[t, i]: without it a gradient along x would
   * make x longer to no effect.
   *
   * @param dx (T, C), accumulates: the norm reads a stream that goes on beside it
   * @param dWeight (C) float32, accumulates
   * @param dOut (T, C)
   * @param x (T, C)
   * @param weight (C), any type
   */
  public static void backward(
      Tensor dx, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, float eps) {
    checkBackward(dx, dWeight, dOut, x, weight);
    int c = x.dim(1);
    float[] scale = weight.toArray();
    for (int t = 0; t < x.dim(0); t++) {
      long row = (long) t * c;
      float squares = 0;
      float dot = 0;
      for (int i = 0; i < c; i++) {
        squares += x.get(row + i) * x.get(row + i);
        dot += dOut.get(row + i) * scale[i] * x.get(row + i);
      }
      float r = (float) (1.0 / Math.sqrt(squares / c + eps));
      float along = r * r * r / c * dot;
      for (int i = 0; i < c; i++) {
        float g = dOut.get(row + i);
        dWeight.set(i, dWeight.get(i) + g * x.get(row + i) * r);
        dx.set(row + i, dx.get(row + i) + r * g * scale[i] - x.get(row + i) * along);
      }
    }
  }

  /** dx, dOut and x are (T, C), dWeight and weight are (C). */
  public static void checkBackward(
      Tensor dx, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight) {
    check(dOut, x, weight);
    check(dx, x, dWeight);
    Require.f32("rms_norm backward", "dWeight", dWeight);
  }

  /** out and x are (T, C), weight is (C). */
  public static void check(Tensor out, Tensor x, Tensor weight) {
    Require.rank2("rms_norm", "x", x);
    Require.matrix("rms_norm", "x", x, x.shape().dim(0), x.shape().dim(1));
    Require.matrix("rms_norm", "out", out, x.shape().dim(0), x.shape().dim(1));
    Require.vector("rms_norm", "weight", weight, x.shape().dim(1));
  }
}
