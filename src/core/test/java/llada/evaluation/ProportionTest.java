package llada.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Wilson's interval. */
final class ProportionTest {
  /**
   * The ends are the shares p with |p - found| = z sqrt(p (1 - p) / n): solved here by bisection.
   */
  @ParameterizedTest
  @CsvSource({"1, 1", "1, 10", "5, 10", "257, 496", "226, 496", "999, 1000", "3, 3"})
  void endsSolveTheEquation(long right, long all) {
    Proportion share = new Proportion(right, all);
    double found = (double) right / all;
    assertThat(share.value()).isEqualTo(found);
    assertThat(share.low()).isCloseTo(bisect(0, found, found, all), offset(1e-9));
    assertThat(share.high())
        .isCloseTo(right == all ? 1 : bisect(1, found, found, all), offset(1e-9));
  }

  private static double bisect(double outside, double inside, double found, long n) {
    for (int i = 0; i < 200; i++) {
      double p = (outside + inside) / 2;
      boolean out = Math.abs(p - found) > 1.959963984540054 * Math.sqrt(p * (1 - p) / n);
      outside = out ? p : outside;
      inside = out ? inside : p;
    }
    return inside;
  }

  @Test
  void endsOfTheScale() {
    assertThat(new Proportion(0, 7).low()).isZero();
    assertThat(new Proportion(7, 7).high()).isEqualTo(1);
    assertThat(new Proportion(0, 0).value()).isNaN();
    assertThat(new Proportion(0, 0).low()).isZero();
    assertThat(new Proportion(0, 0).high()).isEqualTo(1);
    assertThatThrownBy(() -> new Proportion(3, 2)).hasMessageContaining("3 successes of 2 trials");
  }
}
