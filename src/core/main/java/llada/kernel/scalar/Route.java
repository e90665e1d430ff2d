package llada.kernel.scalar;

import java.lang.foreign.MemorySegment;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * The router of a mixture of experts (Shazeer et al. 2017): which experts a token goes to, and what
 * each of them counts. Every tier on a processor runs these loops, so that none chooses otherwise.
 */
public final class Route {
  /** The bias of a router that has none. */
  public static final Tensor NO_BIAS = Tensor.of(DType.F32, Shape.of(0), MemorySegment.NULL);

  private final Tensor logits;
  private final Tensor bias;
  private final int perToken;
  private final Router router;

  /** Routes rows of {@code logits}; see {@link #forward}. */
  public Route(Tensor logits, Tensor bias, int perToken, Router router) {
    this.logits = logits;
    this.bias = bias;
    this.perToken = perToken;
    this.router = router;
  }

  /**
   * With l = logits[t], scores s = softmax(l) or s[e] = 1 / (1 + exp(-l[e])), and c = s + bias, or
   * c = s without one:
   *
   * <pre>
   *   score of a group  = sum of the two largest c in it
   *   groups in use     = the groupsUsed groups with the largest scores
   *   experts[t, j]     = the expert with the j-th largest c of the groups in use
   *   w[j]              = s[experts[t, j]], or c[experts[t, j]] where the bias is for the weight, too
   *   weights[t, j]     = w[j] / (sum_i w[i] + 1e-20) * scale, if normalised and k &gt; 1
   *                     = w[j] * scale, else
   * </pre>
   *
   * <p>Scores are rounded to float32 and so is all that follows, as in the published code. Of equal
   * scores that of the lower expert (or group) counts as larger. NaN counts as the largest of all:
   * it is chosen, and shows in the weights.
   *
   * @param experts (T * k), overwritten, in each token by descending c
   * @param weights (T * k), overwritten
   * @param logits (T, E)
   * @param bias (E), any type, or {@link #NO_BIAS}
   * @param perToken k
   */
  public static void forward(
      int[] experts, float[] weights, Tensor logits, Tensor bias, int perToken, Router router) {
    check(experts, weights, logits, bias, perToken, router);
    Route route = new Route(logits, bias, perToken, router);
    float[] scratch = new float[route.scratch()];
    for (int t = 0; t < logits.dim(0); t++) {
      route.row(experts, weights, t, scratch);
    }
  }

  /** How many numbers of scratch memory {@link #row} needs. */
  public int scratch() {
    return 2 * logits.dim(1) + router.groups();
  }

  /** Routes token t. */
  public void row(int[] experts, float[] weights, int t, float[] scratch) {
    int e = logits.dim(1);
    logits.dtype().decode(logits.reading(), (long) t * e, scratch, 0, e);
    score(scratch, e);
    if (router.bias() == Router.Bias.NONE) {
      System.arraycopy(scratch, 0, scratch, e, e);
    } else {
      bias.dtype().decode(bias.reading(), 0, scratch, e, e);
      for (int i = 0; i < e; i++) {
        scratch[e + i] += scratch[i];
      }
    }
    int at = t * perToken;
    choose(experts, at, scratch, e);
    int from = router.bias() == Router.Bias.WEIGHT ? e : 0;
    float sum = 0;
    for (int j = at; j < at + perToken; j++) {
      weights[j] = scratch[from + experts[j]];
      sum += weights[j];
    }
    float divisor = router.normalise() && perToken > 1 ? sum + 1e-20f : 1;
    for (int j = at; j < at + perToken; j++) {
      weights[j] = weights[j] / divisor * router.scale();
    }
  }

  /** Logits to scores, in place. */
  private void score(float[] x, int e) {
    if (router.scores() == Router.Scores.SIGMOID) {
      for (int i = 0; i < e; i++) {
        x[i] = (float) (1 / (1 + Math.exp(-x[i])));
      }
      return;
    }
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < e; i++) {
      max = Math.max(max, x[i]);
    }
    double sum = 0;
    for (int i = 0; i < e; i++) {
      sum += Math.exp(x[i] - max);
    }
    for (int i = 0; i < e; i++) {
      x[i] = (float) (Math.exp(x[i] - max) / sum);
    }
  }

  /** The experts with the largest of the scores from index {@code e}, into {@code experts}. */
  private void choose(int[] experts, int at, float[] scratch, int e) {
    int size = e / router.groups();
    for (int g = 0; g < router.groups(); g++) {
      scratch[2 * e + g] = groupScore(scratch, e + g * size, size);
    }
    int found = 0;
    for (int g = 0; g < router.groups(); g++) {
      if (rank(scratch, 2 * e, router.groups(), g) >= router.groupsUsed()) {
        continue;
      }
      for (int i = g * size; i < (g + 1) * size; i++) {
        int j = found;
        while (j > 0 && Float.compare(scratch[e + i], scratch[e + experts[at + j - 1]]) > 0) {
          j--;
        }
        if (j < perToken) {
          found = Math.min(found + 1, perToken);
          System.arraycopy(experts, at + j, experts, at + j + 1, found - 1 - j);
          experts[at + j] = i;
        }
      }
    }
  }

  private static float groupScore(float[] c, int from, int size) {
    float first = Float.NEGATIVE_INFINITY;
    float second = Float.NEGATIVE_INFINITY;
    for (int i = from; i < from + size; i++) {
      if (Float.compare(c[i], first) > 0) {
        second = first;
        first = c[i];
      } else if (Float.compare(c[i], second) > 0) {
        second = c[i];
      }
    }
    return first + second;
  }

  /** How many of {@code count} scores come before that of {@code g}. */
  private static int rank(float[] scores, int from, int count, int g) {
    int rank = 0;
    for (int h = 0; h < count; h++) {
      int order = Float.compare(scores[from + h], scores[from + g]);
      rank += order > 0 || order == 0 && h < g ? 1 : 0;
    }
    return rank;
  }

  /** The shapes fit, and there are as many experts to choose from as are asked for. */
  public static void check(
      int[] experts, float[] weights, Tensor logits, Tensor bias, int perToken, Router router) {
    Require.rank2("route", "logits", logits);
    long tokens = logits.shape().dim(0);
    long e = logits.shape().dim(1);
    Require.matrix("route", "logits", logits, tokens, e);
    Require.vector("route", "bias", bias, router.bias() == Router.Bias.NONE ? 0 : e);
    if (experts.length != tokens * perToken || weights.length != tokens * perToken) {
      throw new IllegalArgumentException(
          "route: %d experts and %d weights; %d tokens with %d each need as many"
              .formatted(experts.length, weights.length, tokens, perToken));
    }
    int groups = router.groups();
    if (groups < 1 || e % groups != 0 || groups > 1 && e / groups < 2) {
      throw new IllegalArgumentException(
          "route: %d experts in %d groups; groups are equal and of two or more"
              .formatted(e, groups));
    }
    if (router.groupsUsed() < 1 || router.groupsUsed() > groups) {
      throw new IllegalArgumentException(
          "route: %d of %d groups in use".formatted(router.groupsUsed(), groups));
    }
    if (perToken < 1 || perToken > e / groups * router.groupsUsed()) {
      throw new IllegalArgumentException(
          "route: %d experts a token of %d in %d of %d groups"
              .formatted(perToken, e, router.groupsUsed(), groups));
    }
  }
}
