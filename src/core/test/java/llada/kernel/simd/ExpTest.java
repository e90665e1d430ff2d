package llada.kernel.simd;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class ExpTest {
  private static float exp(float x) {
    float[] vectors = new float[3 * Lanes.COUNT];
    Arrays.fill(vectors, x);
    Exp.exp(vectors, Lanes.COUNT, Lanes.COUNT, 1, Exp.ZERO, 0);
    assertThat(Float.compare(vectors[Lanes.COUNT - 1], x)).isZero(); // its neighbours stay
    assertThat(Float.compare(vectors[2 * Lanes.COUNT], x)).isZero();
    return vectors[2 * Lanes.COUNT - 1];
  }

  @Test
  void isWithinTwoUnitsOfTheTruth() {
    double worst = 0;
    for (float x = -87f; x < 88f; x += 0.0037f) {
      double truth = Math.exp(x);
      worst = Math.max(worst, Math.abs(exp(x) - truth) / Math.ulp((float) truth));
    }
    assertThat(worst).as("worst error %.2f ulp", worst).isLessThan(2);
  }

  @Test
  void edges() {
    assertThat(exp(0f)).isEqualTo(1f);
    assertThat(exp(-0f)).isEqualTo(1f);
    assertThat(exp(Float.NEGATIVE_INFINITY)).isZero();
    assertThat(exp(-1000f)).isZero();
    assertThat(exp(Float.NaN)).isNaN();
    assertThat(exp(Float.POSITIVE_INFINITY)).isGreaterThan(1e38f).isFinite();
  }
}
