package llada.kernel.scalar;

import java.lang.foreign.MemorySegment;
import java.util.List;
import llada.tensor.Tensor;

/**
 * What an optimizer does to each weight: AdamW (Loshchilov and Hutter 2019), the norm that clips
 * its gradients, and the moving average that may follow it.
 */
public final class AdamW {
  /** Numbers whose squares are added up before they meet the others', on any number of threads. */
  public static final int PIECE = 1 << 16;

  private AdamW() {}

  /**
   * The numbers of one step, n being its number from 1.
   *
   * @param beta1 memory of the mean
   * @param beta2 memory of the square
   * @param rest1 1 - beta1, rounded once
   * @param rest2 1 - beta2, likewise
   * @param clip what gradients are multiplied by
   * @param keep 1 - learning rate x weight decay
   * @param rate learning rate
   * @param correct1 1 / (1 - beta1^n)
   * @param correct2 1 / (1 - beta2^n)
   * @param eps added to the root
   */
  public record Step(
      float beta1,
      float beta2,
      float rest1,
      float rest2,
      float clip,
      float keep,
      float rate,
      float correct1,
      float correct2,
      float eps) {}

  /**
   * For each i, in float32 and in this order:
   *
   * <pre>
   *   a    = clip g[i]
   *   m[i] = beta1 m[i] + rest1 a
   *   v[i] = beta2 v[i] + rest2 a a
   *   w[i] = keep w[i] - rate (m[i] correct1) / (sqrt(v[i] correct2) + eps)
   * </pre>
   *
   * @param w float32, changes
   * @param g float32, of the same shape, as are m and v
   * @param m changes
   * @param v changes
   */
  public static void update(Tensor w, Tensor g, Tensor m, Tensor v, Step step) {
    check(w, g, m, v);
    update(w, g, m, v, step, 0, w.shape().elements());
  }

  /** The same for {@code count} weights from weight {@code from}. */
  public static void update(
      Tensor w, Tensor g, Tensor m, Tensor v, Step step, long from, long count) {
    MemorySegment weights = w.data();
    MemorySegment gradients = g.reading();
    MemorySegment means = m.data();
    MemorySegment squares = v.data();
    for (long i = from; i < from + count; i++) {
      long at = 4 * i;
      float gradient = step.clip * gradients.get(Tensor.F32, at);
      float mean = step.beta1 * means.get(Tensor.F32, at) + step.rest1 * gradient;
      float square = step.beta2 * squares.get(Tensor.F32, at) + step.rest2 * gradient * gradient;
      means.set(Tensor.F32, at, mean);
      squares.set(Tensor.F32, at, square);
      float root = (float) Math.sqrt(square * step.correct2) + step.eps;
      float moved = step.keep * weights.get(Tensor.F32, at);
      weights.set(Tensor.F32, at, moved - step.rate * (mean * step.correct1) / root);
    }
  }

  /** The sum of x x over all tensors, in double: in pieces, each from left to right. */
  public static double sumOfSquares(List<Tensor> tensors) {
    double sum = 0;
    for (Tensor tensor : tensors) {
      Require.f32("sum of squares", "x", tensor);
      for (int piece = 0; piece < pieces(tensor); piece++) {
        sum += sumOfSquares(tensor, piece);
      }
    }
    return sum;
  }

  /** How many pieces a tensor is. */
  public static int pieces(Tensor tensor) {
    return Math.toIntExact((tensor.shape().elements() + PIECE - 1) / PIECE);
  }

  /** The sum over one piece. */
  public static double sumOfSquares(Tensor tensor, int piece) {
    MemorySegment data = tensor.reading();
    long from = (long) piece * PIECE;
    long to = Math.min(from + PIECE, tensor.shape().elements());
    double sum = 0;
    for (long i = from; i < to; i++) {
      double value = data.get(Tensor.F32, 4 * i);
      sum += value * value;
    }
    return sum;
  }

  /** average[i] = average[i] + share (value[i] - average[i]). */
  public static void average(Tensor average, Tensor value, float share) {
    checkAverage(average, value);
    average(average, value, share, 0, average.shape().elements());
  }

  /** The same for {@code count} numbers from number {@code from}. */
  public static void average(Tensor average, Tensor value, float share, long from, long count) {
    MemorySegment averages = average.data();
    MemorySegment values = value.reading();
    for (long i = from; i < from + count; i++) {
      float old = averages.get(Tensor.F32, 4 * i);
      averages.set(Tensor.F32, 4 * i, old + share * (values.get(Tensor.F32, 4 * i) - old));
    }
  }

  /** All four are float32 and equally long. */
  public static void check(Tensor w, Tensor g, Tensor m, Tensor v) {
    equal("adamw", "w", w, "g", g);
    equal("adamw", "w", w, "m", m);
    equal("adamw", "w", w, "v", v);
  }

  /** Both are float32 and equally long. */
  public static void checkAverage(Tensor average, Tensor value) {
    equal("average", "average", average, "value", value);
  }

  private static void equal(String op, String nameA, Tensor a, String nameB, Tensor b) {
    Require.f32(op, nameA, a);
    Require.f32(op, nameB, b);
    if (a.shape().elements() != b.shape().elements()) {
      throw new IllegalArgumentException(
          "%s: %s is %s but %s is %s: they must be equally long"
              .formatted(op, nameA, a.shape(), nameB, b.shape()));
    }
  }
}
