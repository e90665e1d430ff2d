package llada.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import llada.kernel.scalar.Rope;
import org.junit.jupiter.api.Test;

/** Against the published formula, computed in float32 by numpy. */
final class RopeScalingTest {
  @Test
  void llama31() {
    float[] plain = Rope.frequencies(500000, 128);
    float[] scaled = new RopeScaling.Llama3(8, 1, 4, 8192).scaled(plain);
    int[] at = {0, 20, 28, 29, 31, 33, 35, 40, 63};
    double[] expected = {
      1,
      0.016560440883040428,
      0.0032114461064338684,
      0.0021665706299245358,
      0.0008567514596506953,
      0.0003126936499029398,
      9.556212899042293e-05,
      3.428102354519069e-05,
      3.068925877869333e-07
    };
    for (int i = 0; i < at.length; i++) {
      assertThat((double) scaled[at[i]])
          .as("frequency %d", at[i])
          .isCloseTo(expected[i], within(1e-6 * expected[i]));
    }
    assertThat(scaled[0]).isEqualTo(plain[0]);
    assertThat(scaled[63]).isEqualTo(plain[63] / 8);
  }

  @Test
  void whatMeansNothingIsRefused() {
    assertThatThrownBy(() -> new RopeScaling.Llama3(8, 4, 4, 8192))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("low 4.0, high 4.0");
  }
}
