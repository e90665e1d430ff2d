package llada.kernel.simd;

import jdk.incubator.vector.FloatVector;

/**
 * The softmax of {@link Attention}, a tile of keys at a time, each lane a query for itself: a
 * running maximum and a running sum, and everything so far rescaled whenever the maximum grows.
 *
 * <p>Vectors go between methods by arrays, lest they become objects, see {@link Exp#exp}. For the
 * same reason every operation is called on a vector just loaded: of one that a loop carries along
 * the compiler does not know the class before a profile tells it, and the launcher has this code
 * compiled before there is one.
 */
final class OnlineSoftmax {
  private OnlineSoftmax() {}

  /**
   * Turns the scores of COUNT queries into weights relative to the maximum so far.
   *
   * @param scores (keys, WIDTH) from index {@code scores0}
   * @param state the maximum so far, WIDTH numbers further the sum so far, and WIDTH numbers
   *     further room for two more, from index {@code state0}
   * @param sums (d, WIDTH) from index {@code sums0}, the weighted values so far
   */
  static void tile(
      float[] scores,
      int scores0,
      int keys,
      float[] state,
      int state0,
      float[] sums,
      int sums0,
      int d) {
    int total0 = state0 + Tile.WIDTH;
    int factor0 = state0 + 2 * Tile.WIDTH;
    int base0 = state0 + 3 * Tile.WIDTH;
    load(state, state0).intoArray(state, factor0);
    maximum(scores, scores0, keys, state, state0);
    boolean grown = !load(state, factor0).eq(load(state, state0)).allTrue();
    // A lane that has seen no key yet takes 0 for its infinite maximum.
    FloatVector max = load(state, state0);
    max.blend(0f, max.eq(Float.NEGATIVE_INFINITY)).intoArray(state, base0);
    Exp.exp(scores, scores0, Tile.WIDTH, keys, state, base0);
    if (grown) {
      Exp.exp(state, factor0, 0, 1, state, base0);
      scale(state, total0, 1, state, factor0);
      scale(sums, sums0, d, state, factor0);
    }
    add(scores, scores0, keys, state, total0);
  }

  private static void maximum(float[] scores, int scores0, int keys, float[] state, int state0) {
    FloatVector max = load(state, state0);
    for (int s = 0; s < keys; s++) {
      FloatVector score = load(scores, scores0 + s * Tile.WIDTH);
      max = score.blend(max, score.lt(max)); // NaN may be lost here, but not in the sum
    }
    max.intoArray(state, state0);
  }

  private static void add(float[] weights, int weights0, int keys, float[] state, int total0) {
    FloatVector sum = load(state, total0);
    for (int s = 0; s < keys; s++) {
      sum = load(weights, weights0 + s * Tile.WIDTH).add(sum);
    }
    sum.intoArray(state, total0);
  }

  /** sums / total for COUNT queries; one that saw no key gets zeros. */
  static void divide(float[] state, int state0, float[] sums, int sums0, int d) {
    FloatVector total = load(state, state0 + Tile.WIDTH);
    FloatVector.broadcast(Lanes.F32, 1f)
        .div(total)
        .blend(0f, total.eq(0f))
        .intoArray(state, state0 + 2 * Tile.WIDTH);
    scale(sums, sums0, d, state, state0 + 2 * Tile.WIDTH);
  }

  private static void scale(float[] sums, int sums0, int d, float[] factors, int factors0) {
    FloatVector factor = load(factors, factors0);
    for (int i = 0; i < d; i++) {
      int at = sums0 + i * Tile.WIDTH;
      load(sums, at).mul(factor).intoArray(sums, at);
    }
  }

  private static FloatVector load(float[] array, int at) {
    return FloatVector.fromArray(Lanes.F32, array, at);
  }
}
