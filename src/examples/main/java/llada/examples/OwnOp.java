package llada.examples;

import java.lang.foreign.Arena;
import java.util.Random;
import llada.tensor.Tensor;

/**
 * An op of one's own, as every op here begins: its formula, its derivative by hand, and a test that
 * the two agree. This one keeps numbers within limits, y = c tanh(x / c).
 */
public final class OwnOp {
  private OwnOp() {}

  /**
   * y = c tanh(x / c).
   *
   * @param out of any shape, overwritten
   * @param x of the same shape
   * @param c above 0
   */
  public static void forward(Tensor out, Tensor x, float c) {
    for (long i = 0; i < x.shape().elements(); i++) {
      out.set(i, (float) (c * Math.tanh(x.get(i) / c)));
    }
  }

  /**
   * dx += dy (1 - (y / c)^2), since tanh' = 1 - tanh^2: the output is all that it needs.
   *
   * @param dx added to
   * @param dy gradient of the output
   * @param y the output
   */
  public static void backward(Tensor dx, Tensor dy, Tensor y, float c) {
    for (long i = 0; i < dx.shape().elements(); i++) {
      float t = y.get(i) / c;
      dx.set(i, dx.get(i) + dy.get(i) * (1 - t * t));
    }
  }

  /** Prints the largest difference between the derivative and central differences. */
  public static void main(String[] args) {
    float c = 3;
    float h = 1e-2f;
    Random random = new Random(1);
    float[] values = new float[64];
    for (int i = 0; i < values.length; i++) {
      values[i] = 4 * (float) random.nextGaussian();
    }
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = Tensor.of(arena, values, values.length);
      Tensor y = Tensor.of(arena, new float[values.length], values.length);
      Tensor dx = Tensor.of(arena, new float[values.length], values.length);
      Tensor dy = Tensor.of(arena, new float[values.length], values.length);
      for (int i = 0; i < values.length; i++) {
        dy.set(i, 1);
      }
      forward(y, x, c);
      backward(dx, dy, y, c);
      double worst = 0;
      for (int i = 0; i < values.length; i++) {
        double above = c * Math.tanh((values[i] + h) / c);
        double below = c * Math.tanh((values[i] - h) / c);
        worst = Math.max(worst, Math.abs((above - below) / (2 * h) - dx.get(i)));
      }
      System.out.printf("largest difference %.1e%n", worst);
    }
  }
}
