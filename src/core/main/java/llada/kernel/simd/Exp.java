package llada.kernel.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * exp on all lanes, from multiply-adds alone. The API's own EXP calls one library when compiled and
 * another when interpreted, which differ in the last bit: results would change while a program
 * runs.
 *
 * <pre>
 *   exp(x) = 2^n * exp(r),   n = round(x / ln 2),   r = x - n ln 2,   |r| &lt;= ln 2 / 2
 * </pre>
 *
 * with exp(r) by its Taylor series to r^7, whose remainder is below 6e-9.
 */
final class Exp {
  /** Adding and subtracting it rounds to an integer, which then stands in the low bits. */
  private static final float ROUND = 0x1.8p23f;

  private static final float PER_LN2 = (float) (1 / Math.log(2));

  /** ln 2 in two parts: n times the first is exact for every n in question. */
  private static final float LN2_HIGH = 0x1.62ep-1f;

  private static final float LN2_LOW = (float) (Math.log(2) - LN2_HIGH);

  /** Below it the result is 0 here, a subnormal number in truth. */
  static final float LOWEST = -87.3f;

  /** Above it the result stays at exp(88), short of overflow: enough for softmax and silu. */
  private static final float HIGHEST = 88f;

  /** To subtract where there is nothing to subtract. */
  static final float[] ZERO = new float[Lanes.COUNT];

  private Exp() {}

  /**
   * x = exp(x - minus) for each lane of {@code count} vectors of {@code x}, {@code stride} apart
   * from index {@code at}, to about one unit in the last place; NaN stays NaN.
   *
   * @param minus a vector at index {@code minus0}
   *     <p>A loop over an array, not a function of a vector: a method of this size is not always
   *     inlined, and then every vector that goes in or out is an object. Measured, that made it 25
   *     times slower.
   */
  static void exp(float[] x, int at, int stride, int count, float[] minus, int minus0) {
    FloatVector difference = FloatVector.fromArray(Lanes.F32, minus, minus0);
    for (int i = 0; i < count; i++) {
      int index = at + i * stride;
      FloatVector value = FloatVector.fromArray(Lanes.F32, x, index).sub(difference);
      // Not max and min, which are five instructions each for the sake of NaN.
      VectorMask<Float> tiny = value.lt(LOWEST);
      FloatVector inRange =
          value
              .blend(FloatVector.broadcast(Lanes.F32, LOWEST), tiny)
              .blend(
                  FloatVector.broadcast(Lanes.F32, HIGHEST),
                  value.compare(VectorOperators.GT, HIGHEST));
      bounded(inRange)
          .blend(FloatVector.zero(Lanes.F32), tiny)
          .blend(value, value.test(VectorOperators.IS_NAN))
          .intoArray(x, index);
    }
  }

  /** exp of lanes that lie between {@link #LOWEST} and {@link #HIGHEST}. */
  static FloatVector bounded(FloatVector bounded) {
    FloatVector shifted =
        bounded.fma(
            FloatVector.broadcast(Lanes.F32, PER_LN2), FloatVector.broadcast(Lanes.F32, ROUND));
    FloatVector n = shifted.sub(ROUND);
    FloatVector r = n.fma(FloatVector.broadcast(Lanes.F32, -LN2_HIGH), bounded);
    r = n.fma(FloatVector.broadcast(Lanes.F32, -LN2_LOW), r);
    FloatVector p = FloatVector.broadcast(Lanes.F32, 1f / 5040);
    p = p.fma(r, FloatVector.broadcast(Lanes.F32, 1f / 720));
    p = p.fma(r, FloatVector.broadcast(Lanes.F32, 1f / 120));
    p = p.fma(r, FloatVector.broadcast(Lanes.F32, 1f / 24));
    p = p.fma(r, FloatVector.broadcast(Lanes.F32, 1f / 6));
    p = p.fma(r, FloatVector.broadcast(Lanes.F32, 0.5f));
    p = p.fma(r, FloatVector.broadcast(Lanes.F32, 1f));
    p = p.fma(r, FloatVector.broadcast(Lanes.F32, 1f));
    return p.reinterpretAsInts()
        .add(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
        .reinterpretAsFloats();
  }
}
