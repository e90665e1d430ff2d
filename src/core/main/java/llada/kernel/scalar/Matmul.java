package llada.kernel.scalar;

import llada.tensor.Tensor;

/**
 * Matrix product with a weight matrix stored as the checkpoints store it: one row an output
 * channel. The one reference for every weight type, since {@link llada.tensor.DType#decode} reads
 * them all.
 */
public final class Matmul {
  private Matmul() {}

  /**
   * out[t, n] = sum_k x[t, k] * weight[n, k].
   *
   * @param out (T, N), overwritten
   * @param x (T, K)
   * @param weight (N, K), any type
   */
  public static void forward(Tensor out, Tensor x, Tensor weight) {
    check(out, x, weight);
    int rows = x.dim(0);
    int k = weight.dim(1);
    int columns = weight.dim(0);
    float[] w = new float[k];
    for (int n = 0; n < columns; n++) {
      weight.dtype().decode(weight.data(), (long) n * k, w, 0, k);
      for (int t = 0; t < rows; t++) {
        float sum = 0;
        for (int i = 0; i < k; i++) {
          sum += x.get((long) t * k + i) * w[i];
        }
        out.set((long) t * columns + n, sum);
      }
    }
  }

  /**
   * The gradient of the input: dx[t, k] = sum_n dOut[t, n] * weight[n, k].
   *
   * @param dx (T, K), overwritten
   * @param dOut (T, N)
   * @param weight (N, K), any type
   */
  public static void backwardInput(Tensor dx, Tensor dOut, Tensor weight) {
    check(dOut, dx, weight);
    int rows = dx.dim(0);
    int k = weight.dim(1);
    int columns = weight.dim(0);
    float[] w = weight.toArray();
    for (int t = 0; t < rows; t++) {
      for (int i = 0; i < k; i++) {
        float sum = 0;
        for (int n = 0; n < columns; n++) {
          sum += dOut.get((long) t * columns + n) * w[n * k + i];
        }
        dx.set((long) t * k + i, sum);
      }
    }
  }

  /**
   * The gradient of the weight: dWeight[n, k] += sum_t dOut[t, n] * x[t, k].
   *
   * @param dWeight (N, K) float32, accumulates
   * @param dOut (T, N)
   * @param x (T, K)
   */
  public static void backwardWeight(Tensor dWeight, Tensor dOut, Tensor x) {
    checkBackwardWeight(dWeight, dOut, x);
    int rows = x.dim(0);
    int k = x.dim(1);
    int columns = dOut.dim(1);
    for (int n = 0; n < columns; n++) {
      for (int i = 0; i < k; i++) {
        float sum = 0;
        for (int t = 0; t < rows; t++) {
          sum += dOut.get((long) t * columns + n) * x.get((long) t * k + i);
        }
        dWeight.set((long) n * k + i, dWeight.get((long) n * k + i) + sum);
      }
    }
  }

  /** As {@link #check}, and the gradient of the weight is float32. */
  public static void checkBackwardWeight(Tensor dWeight, Tensor dOut, Tensor x) {
    check(dOut, x, dWeight);
    Require.f32("matmul backward", "dWeight", dWeight);
  }

  /** x is (T, K), weight (N, K) and out (T, N). */
  public static void check(Tensor out, Tensor x, Tensor weight) {
    Require.rank2("matmul", "weight", weight);
    Require.rank2("matmul", "x", x);
    if (x.shape().dim(1) != weight.shape().dim(1)) {
      throw new IllegalArgumentException(
          "matmul: x is %s but weight is %s: the last dimensions must agree"
              .formatted(x.shape(), weight.shape()));
    }
    Require.matrix("matmul", "x", x, x.shape().dim(0), x.shape().dim(1));
    Require.matrix("matmul", "out", out, x.shape().dim(0), weight.shape().dim(0));
  }
}
