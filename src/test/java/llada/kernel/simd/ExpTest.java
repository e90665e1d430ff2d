package llada.kernel.simd;

import static org.assertj.core.api.Assertions.assertThat;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

final class ExpTest {
  private static float exp(float x) {
    return Exp.exp(FloatVector.broadcast(Lanes.F32, x)).lane(Lanes.COUNT - 1);
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
