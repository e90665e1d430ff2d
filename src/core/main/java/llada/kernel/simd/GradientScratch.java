package llada.kernel.simd;

import java.util.EnumMap;
import java.util.Map;

/** One worker's memory for a backward pass. It only grows, so steady work allocates nothing. */
final class GradientScratch {
  private final Map<Use, float[]> arrays = new EnumMap<>(Use.class);

  /** What an array is for; a backward op takes one of each at most. */
  enum Use {
    /** Rows of the left operand of a product, or keys. */
    LEFT,
    /** Panels of the right operand; the first worker's serves all. */
    RIGHT,
    /** Sums of tiles. */
    SUMS,
    VALUES,
    QUERY,
    QUERY_ROWS,
    D_OUT,
    D_OUT_ROWS,
    P,
    DP,
    D_QUERY,
    D_KEYS,
    D_VALUES,
    STATE,
    /** For {@link Packing}. */
    SQUARE,
    /** A decoded row of weights. */
    ROW,
  }

  /** At least {@code count} numbers; what was there before is lost, but not zeroed. */
  float[] get(Use use, long count) {
    float[] array = arrays.get(use);
    if (array == null || array.length < count) {
      array = new float[Math.toIntExact(count)];
      arrays.put(use, array);
    }
    return array;
  }
}
