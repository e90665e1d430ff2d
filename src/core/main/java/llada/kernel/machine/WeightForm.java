package llada.kernel.machine;

import llada.tensor.DType;

/**
 * How the expanded bytes of a quantised type stand for weights; see {@link Int8Code}.
 *
 * @param group channels of a scale, 16 or 32
 * @param offsetShift the offset is 2 to this power
 * @param minimums whether a minimum is taken away in place of an offset
 * @param bits of a weight
 */
record WeightForm(int group, int offsetShift, boolean minimums, int bits) {
  /**
   * Bytes from one row of scales to the next: 32 scales, or 16 and as many minimums, but for Q2_K,
   * which has 32 of both. No more than needed, since they share the first cache with the weights.
   */
  int scaleStride() {
    return minimums && group == 16 ? Geometry.SCALE_STRIDE : Geometry.SCALE_STRIDE / 2;
  }

  /** Where in a row of scales the minimums begin. */
  int minimumsAt() {
    return scaleStride() / 2;
  }

  /** The form of a type. */
  static WeightForm of(DType dtype) {
    return switch (dtype) {
      case Q8_0 -> new WeightForm(32, 7, false, 8);
      case Q4_0 -> new WeightForm(32, 3, false, 4);
      case Q5_0 -> new WeightForm(32, 4, false, 5);
      case Q4_1, Q4_K -> new WeightForm(32, 0, true, 4);
      case Q5_1, Q5_K -> new WeightForm(32, 0, true, 5);
      case Q2_K -> new WeightForm(16, 0, true, 2);
      case Q3_K -> new WeightForm(16, 2, false, 3);
      case Q6_K -> new WeightForm(16, 5, false, 6);
      default -> throw new IllegalArgumentException(dtype + " has no 8-bit form");
    };
  }
}
