package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import llada.diffusion.LikelihoodOptions.Form;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The error that the t-form tells is its error, where the expectation is known. */
final class TFormIntervalTest {
  private static final int REPETITIONS = 3000;

  /** -ln p of token i where m of L are masked: harder with more masks. */
  private static double crossEntropy(int i, int m, int length) {
    return (0.5 + 6 * (i * 0.61803 % 1)) * (0.5 + (double) m / length);
  }

  /** E over p ~ U(eps, 1); of L tokens, 1 + (L - 1) p are masked where one is. */
  private static double expectation(int length) {
    double p = (1 + ForwardProcess.EPS) / 2;
    double sum = 0;
    for (int i = 0; i < length; i++) {
      sum += (0.5 + 6 * (i * 0.61803 % 1)) * (0.5 + (1 + (length - 1) * p) / length);
    }
    return -sum;
  }

  private static LogLikelihood estimate(LikelihoodOptions options, int length, long seed) {
    LikelihoodEstimator estimator =
        new LikelihoodEstimator(null, null, options, MaskDraws.seeded(seed));
    double[] means = new double[options.batches()];
    for (int b = 0; b < means.length; b++) {
      for (LikelihoodEstimator.Copy copy : estimator.copies(length, b)) {
        double sum = 0;
        for (int i = 0; i < length; i++) {
          sum += copy.masked()[i] ? crossEntropy(i, copy.count(), length) : 0;
        }
        means[b] += copy.weight() * sum / options.batchSize();
      }
    }
    return estimator.result(means, length);
  }

  @ParameterizedTest
  @ValueSource(ints = {5, 14})
  void coversNinetyFivePercent(int length) {
    LikelihoodOptions options = new LikelihoodOptions(Form.T, 1024, 16, 0, false);
    double truth = expectation(length);
    int covered = 0;
    double squares = 0;
    double told = 0;
    for (int seed = 0; seed < REPETITIONS; seed++) {
      LogLikelihood found = estimate(options, length, seed);
      double off = Math.abs(found.value() - truth);
      covered += off <= 1.96 * found.standardError() ? 1 : 0;
      squares += off * off;
      told += found.standardError() * found.standardError();
    }
    assertThat((double) covered / REPETITIONS).isBetween(0.93, 0.97);
    assertThat(Math.sqrt(squares / told)).isBetween(0.93, 1.07);
  }

  @Test
  void tellsNoErrorThatCannotHold() {
    LikelihoodOptions few = new LikelihoodOptions(Form.T, 128, 16, 0, false);
    assertThat(estimate(few, 5, 1).standardError()).isNaN();
    LikelihoodOptions mirrored = new LikelihoodOptions(Form.T, 1024, 16, 0, true);
    assertThat(estimate(mirrored, 5, 1).standardError()).isNaN();
  }
}
