package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.MaskedCrossEntropy;
import llada.kernel.scalar.SoftmaxStatistics.Rows;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.SoftmaxStatistics} on vectors, and what {@link MaskedCrossEntropy}
 * shares with it: two passes over a row, which the cache holds from the first to the second.
 *
 * <p>The arg max and the two largest logits are exact. Exponentials are float32, added up in
 * float32 over {@link #STEPS} vectors and in double from there. The tokens at the maximum are
 * counted, not added: so it is the others whose sum has a relative error, below 128 units of 2^-24
 * (36 additions, 4 for {@link Exp}, 88 for rounding the largest exponent), and 1 - p of a token
 * that is almost certain is as accurate as p of an unlikely one.
 *
 * <p>One for each worker. A row with a logit that is NaN or infinite goes to the reference.
 */
final class SoftmaxStatistics {
  /** Vectors added up in float32. */
  private static final int STEPS = 32;

  /** Logits whose gradients are computed at a time. */
  private static final int PIECE = 512;

  private final float[] piece = new float[PIECE];
  private final float[] lanes = new float[Lanes.COUNT];
  private final int[] starts = new int[Lanes.COUNT];

  // Of the scan since reset().
  private float first;
  private float second;
  private int argMax;
  private boolean finite;

  // Of accumulate() since reset().
  private double others; // sum of exp(l - max) where l < max
  private double weighted; // sum of exp(l - max) (l - max)

  /** Row r of the op. */
  void statistics(Rows out, int r, Tensor logits, Exclusions exclusions) {
    MemorySegment data = logits.data();
    int v = logits.dim(1);
    long at = (long) r * v;
    reset();
    scan(data, at, v, exclusions.fromSoftmax());
    for (int id : exclusions.fromSoftmax()) {
      finite &= Float.isFinite(get(data, at + id));
    }
    if (!finite) {
      llada.kernel.scalar.SoftmaxStatistics.row(out, r, logits, exclusions);
      return;
    }
    float max = first;
    sum(data, at, v, max, exclusions.fromSoftmax());
    double sum = tokensAt(data, at, v, max, exclusions) + others;
    out.max[r] = max;
    out.sum[r] = sum;
    out.entropy[r] = Math.log(sum) - weighted / sum;
    out.margin[r] = (1 - Math.exp((double) second - max)) / sum;
    if (exclusions.choiceLimit() < v
        || !Arrays.equals(exclusions.fromChoice(), exclusions.fromSoftmax())) {
      reset();
      scan(data, at, exclusions.choiceLimit(), exclusions.fromChoice());
    }
    out.argMax[r] = argMax;
    out.argMaxLogit[r] = get(data, at + argMax);
    out.firstNonFinite[r] = -1;
  }

  /** -ln p of a token in the softmax of row r. */
  double crossEntropy(Tensor logits, int r, int target) {
    MemorySegment data = logits.data();
    int v = logits.dim(1);
    long at = (long) r * v;
    Exclusions none = Exclusions.none(v);
    reset();
    scan(data, at, v, none.fromSoftmax());
    if (!finite) {
      return MaskedCrossEntropy.crossEntropy(logits, r, target);
    }
    float max = first;
    sum(data, at, v, max, none.fromSoftmax());
    return (double) max
        - get(data, at + target)
        + Math.log(tokensAt(data, at, v, max, none) + others);
  }

  /**
   * -ln p of a token, and in place of the row's logits their gradient, times {@code weight}. A row
   * that is not finite becomes NaN.
   */
  double crossEntropyBackward(Tensor logits, int r, int target, double weight) {
    double loss = crossEntropy(logits, r, target);
    MemorySegment data = logits.data();
    int v = logits.dim(1);
    long at = (long) r * v;
    // p = exp(l - max) / sum, and ln sum = loss - max + l[target].
    double sum = finite ? Math.exp(loss - first + get(data, at + target)) : Double.NaN;
    float factor = (float) (weight / sum);
    Arrays.fill(lanes, first);
    for (int start = 0; start < v; start += PIECE) {
      int count = Math.min(PIECE, v - start);
      long offset = (at + start) * Float.BYTES;
      MemorySegment.copy(data, Tensor.F32, offset, piece, 0, count);
      Exp.exp(piece, 0, Lanes.COUNT, (count + Lanes.COUNT - 1) / Lanes.COUNT, lanes, 0);
      for (int i = 0; i < count; i++) {
        piece[i] *= factor;
      }
      MemorySegment.copy(piece, 0, data, Tensor.F32, offset, count);
    }
    data.set(
        Tensor.F32,
        (at + target) * Float.BYTES,
        (float) (weight * Math.expm1(-loss))); // p - 1, exact for a token that is almost certain
    return loss;
  }

  private void reset() {
    first = Float.NEGATIVE_INFINITY;
    second = Float.NEGATIVE_INFINITY;
    argMax = Integer.MAX_VALUE;
    finite = true;
    others = 0;
    weighted = 0;
  }

  /** Scans ids 0 to {@code end} - 1 without those of {@code excluded}, which ascend. */
  private void scan(MemorySegment data, long at, int end, int[] excluded) {
    int from = 0;
    for (int id : excluded) {
      scan(data, at, from, Math.min(id, end));
      from = id + 1;
    }
    scan(data, at, from, end);
  }

  private void scan(MemorySegment data, long at, int from, int to) {
    if (from >= to) {
      return;
    }
    FloatVector best = FloatVector.broadcast(Lanes.F32, Float.NEGATIVE_INFINITY);
    FloatVector next = best;
    FloatVector zero = FloatVector.zero(Lanes.F32);
    FloatVector check = zero; // 0 as long as all logits are finite, else NaN
    IntVector where = IntVector.broadcast(Lanes.I32, from);
    int i = from;
    for (; i <= to - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector value = load(data, at + i);
      VectorMask<Float> better = value.compare(VectorOperators.GT, best);
      VectorMask<Float> good = value.compare(VectorOperators.GT, next);
      next = next.blend(value, good).blend(best, better);
      best = best.blend(value, better);
      where = where.blend(i, better.cast(Lanes.I32));
      check = value.fma(zero, check);
    }
    if (i > from) {
      best.intoArray(lanes, 0);
      where.intoArray(starts, 0);
      for (int lane = 0; lane < Lanes.COUNT; lane++) {
        see(lanes[lane], starts[lane] + lane);
      }
      next.intoArray(lanes, 0);
      for (float value : lanes) {
        second = Math.max(second, value);
      }
      check.intoArray(lanes, 0);
      for (float value : lanes) {
        finite &= value == 0;
      }
    }
    for (; i < to; i++) {
      float value = get(data, at + i);
      finite &= Float.isFinite(value);
      see(value, i);
    }
  }

  private void see(float value, int id) {
    if (value > first) {
      second = first;
      first = value;
      argMax = id;
    } else {
      second = Math.max(second, value);
      if (value == first && id < argMax) {
        argMax = id;
      }
    }
  }

  private void sum(MemorySegment data, long at, int end, float max, int[] excluded) {
    int from = 0;
    for (int id : excluded) {
      sum(data, at, from, id, max);
      from = id + 1;
    }
    sum(data, at, from, end, max);
  }

  private void sum(MemorySegment data, long at, int from, int to, float max) {
    for (int start = from; start < to; start += STEPS * Lanes.COUNT) {
      accumulate(data, at, start, Math.min(to, start + STEPS * Lanes.COUNT), max);
    }
  }

  private void accumulate(MemorySegment data, long at, int from, int to, float max) {
    FloatVector sum = FloatVector.zero(Lanes.F32);
    FloatVector product = sum;
    int i = from;
    for (; i <= to - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector x = bounded(load(data, at + i).sub(max));
      FloatVector e = Exp.bounded(x);
      sum = sum.add(e.blend(0f, x.compare(VectorOperators.EQ, 0f)));
      product = e.fma(x, product);
    }
    if (i < to) {
      VectorMask<Float> mask = Lanes.tail(i, to);
      FloatVector x =
          FloatVector.zero(Lanes.F32).blend(bounded(Lanes.load(data, at + i, mask).sub(max)), mask);
      FloatVector e = Exp.bounded(x);
      sum = sum.add(e.blend(0f, x.compare(VectorOperators.EQ, 0f)));
      product = e.fma(x, product);
    }
    others += Lanes.sum(sum);
    weighted += Lanes.sum(product);
  }

  /** Farther down all count as exp(-87.3), 1e-38: it adds nothing, and a product stays finite. */
  private static FloatVector bounded(FloatVector x) {
    return x.blend(Exp.LOWEST, x.compare(VectorOperators.LT, Exp.LOWEST));
  }

  /** How many logits of the softmax equal the largest; one unless the second does. */
  private int tokensAt(MemorySegment data, long at, int v, float max, Exclusions exclusions) {
    if (second < max) {
      return 1;
    }
    int count = 0;
    for (int id = 0; id < v; id++) {
      if (get(data, at + id) == max && exclusions.counted(id)) {
        count++;
      }
    }
    return count;
  }

  private static FloatVector load(MemorySegment data, long element) {
    return FloatVector.fromMemorySegment(Lanes.F32, data, element * Float.BYTES, Lanes.ORDER);
  }

  private static float get(MemorySegment data, long element) {
    return data.get(Tensor.F32, element * Float.BYTES);
  }
}
