package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** The usual rates are those that the page on fine-tuning names. */
class LearningRateTest {
  @Test
  void smallerModelsAndAdaptersTakeLargerSteps() {
    assertThat(LearningRate.usual(4096, false)).isCloseTo(2.5e-5, within(1e-12));
    assertThat(LearningRate.usual(4096, true)).isCloseTo(2e-4, within(1e-12));
    assertThat(LearningRate.usual(256, false)).isCloseTo(4e-4, within(1e-12));
    assertThat(LearningRate.usual(256, true)).isCloseTo(8e-4, within(1e-12));
    assertThat(LearningRate.usual(16, true)).isCloseTo(2e-3, within(1e-12));
    assertThat(new LearningRate.Cosine(0.3, 0, 2).peak()).isEqualTo(0.3);
  }
}
