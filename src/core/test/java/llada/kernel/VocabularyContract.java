package llada.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.GumbelMax;
import llada.kernel.scalar.SoftmaxStatistics;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The ops over the vocabulary: softmax statistics, Gumbel-max, masked cross-entropy. Tokens must be
 * the reference's; sums may be off by the units that the vector op states.
 */
public interface VocabularyContract {
  /** The kernels on trial. */
  Kernels kernels();

  Kernels REFERENCE = new ScalarKernels();

  /** Relative error of the sum over all tokens but the likeliest. */
  double SUM = 128 * Numbers.EPSILON;

  /** All residues of two vectors, then primes around chunks of either op. */
  static IntStream vocabularies() {
    return IntStream.concat(
        IntStream.rangeClosed(1, 67), IntStream.of(127, 509, 521, 1021, 1031, 2053, 4099));
  }

  /** Some ids of each kind left out, both ends among them, as long as something is left. */
  static List<Exclusions> exclusions(int v) {
    Exclusions none = Exclusions.none(v);
    if (v < 5) {
      return List.of(none);
    }
    return List.of(
        none,
        new Exclusions(v - 1, new int[] {v / 2}, new int[] {}),
        new Exclusions(v, new int[] {0, v - 1, 1}, new int[] {v - 1, 0, v / 3, v / 3 + 1}),
        new Exclusions(v / 2 + 1, new int[] {v - 2, 0}, new int[] {v / 2}));
  }

  private static Tensor logits(Arena arena, long seed, int offset, int v, double scale) {
    Tensor logits = Numbers.random(arena, seed, offset, 3, v);
    for (long i = 0; i < 3L * v; i++) {
      logits.set(i, (float) (logits.get(i) * scale));
    }
    return logits;
  }

  private void compare(Tensor logits, Exclusions exclusions) {
    int rows = logits.dim(0);
    SoftmaxStatistics.Rows expected = new SoftmaxStatistics.Rows(rows);
    SoftmaxStatistics.Rows found = new SoftmaxStatistics.Rows(rows + 1);
    REFERENCE.softmaxStatistics(expected, logits, exclusions);
    kernels().softmaxStatistics(found, logits, exclusions);
    for (int r = 0; r < rows; r++) {
      String what = "row %d of %s, %s".formatted(r, logits, exclusions);
      assertThat(found.firstNonFinite[r]).as(what).isEqualTo(expected.firstNonFinite[r]);
      assertThat(found.argMax[r]).as(what).isEqualTo(expected.argMax[r]);
      assertThat(found.argMaxLogit[r]).as(what).isEqualTo(expected.argMaxLogit[r]);
      assertThat(found.max[r]).as(what).isEqualTo(expected.max[r]);
      double sum = expected.sum[r];
      assertThat(Math.abs(found.sum[r] - sum))
          .as(what)
          .isLessThanOrEqualTo(SUM * (sum - 1) + Math.ulp(sum));
      // ln of the sum, and a quotient of two sums, the upper one with a product more.
      double entropy = expected.entropy[r];
      assertThat(Math.abs(found.entropy[r] - entropy))
          .as(what)
          .isLessThanOrEqualTo(SUM + (2 * SUM + 2 * Numbers.EPSILON) * entropy);
      double margin = expected.margin[r];
      assertThat(Math.abs(found.margin[r] - margin))
          .as(what)
          .isLessThanOrEqualTo(SUM * margin + Math.ulp(margin));
    }
  }

  @Test
  default void softmaxStatisticsAgree() {
    try (Arena arena = Arena.ofShared()) {
      vocabularies()
          .forEach(
              v -> {
                for (double scale : new double[] {0, 1, 30}) {
                  Tensor logits = logits(arena, v, v % 4, v, scale);
                  exclusions(v).forEach(e -> compare(logits, e));
                }
              });
    }
  }

  /** Differences that overflow, that are below float32's exponentials, that are subnormal. */
  @ParameterizedTest
  @ValueSource(floats = {Float.MAX_VALUE, 1e30f, 100, 1e-3f, 1e-40f})
  default void softmaxStatisticsAgreeAtExtremes(float size) {
    try (Arena arena = Arena.ofShared()) {
      for (int v : new int[] {1, 2, 19, 70, 1031}) {
        Tensor logits = Tensor.allocate(arena, DType.F32, 3, v);
        Random random = new Random(v);
        for (long i = 0; i < 3L * v; i++) {
          logits.set(i, size * (random.nextInt(3) - 1)); // with ties on every level
        }
        exclusions(v).forEach(e -> compare(logits, e));
      }
    }
  }

  @Test
  default void ofEqualLogitsTheLowestIdWins() {
    try (Arena arena = Arena.ofShared()) {
      for (int v : new int[] {2, 40, 1031}) {
        Tensor logits = Tensor.allocate(arena, DType.F32, 1, v);
        SoftmaxStatistics.Rows out = new SoftmaxStatistics.Rows(1);
        for (int at = v - 1; at >= 0; at -= 1 + v / 50) {
          logits.set(at, 1);
          kernels().softmaxStatistics(out, logits, Exclusions.none(v));
          assertThat(out.argMax[0]).isEqualTo(at);
        }
      }
    }
  }

  /** An almost certain token: what is left of 1 is as accurate as it is small. */
  @Test
  default void confidenceNearOneIsNotRounded() {
    try (Arena arena = Arena.ofShared()) {
      Tensor logits = Tensor.allocate(arena, DType.F32, 1, 1031);
      logits.set(5, 30);
      for (int second = 0; second < 100; second += 3) {
        logits.set(second, second == 5 ? 30 : 12);
        compare(logits, Exclusions.none(1031));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  default void whatIsNotFiniteIsNamed(float value) {
    try (Arena arena = Arena.ofShared()) {
      for (int v : new int[] {2, 17, 70, 1031}) {
        for (int at = 0; at < v; at += 1 + v / 40) {
          Tensor logits = logits(arena, at, 1, v, 1);
          logits.set(v + at, value);
          logits.set(v + v - 1, value);
          for (Exclusions e : exclusions(v)) {
            SoftmaxStatistics.Rows out = new SoftmaxStatistics.Rows(3);
            kernels().softmaxStatistics(out, logits, e);
            assertThat(out.firstNonFinite).containsExactly(-1, at, -1);
          }
          if (value == Float.NEGATIVE_INFINITY && v > 2) {
            exclusions(v).forEach(e -> compare(logits, e)); // a token that cannot be
          }
        }
      }
    }
  }

  @Test
  default void exclusionsThatLeaveNothingAreRefused() {
    try (Arena arena = Arena.ofShared()) {
      Tensor logits = Numbers.random(arena, 1, 0, 2, 3);
      SoftmaxStatistics.Rows out = new SoftmaxStatistics.Rows(2);
      Exclusions all = new Exclusions(2, new int[] {0, 1}, new int[] {});
      assertThatThrownBy(() -> kernels().softmaxStatistics(out, logits, all))
          .hasMessageStartingWith("softmax_statistics: of 2 ids below 2, 2 are left out");
      Exclusions outside = new Exclusions(3, new int[] {}, new int[] {3});
      assertThatThrownBy(() -> kernels().softmaxStatistics(out, logits, outside))
          .hasMessageContaining("excluded ids [3] are not all among the 3 of the vocabulary");
      assertThatThrownBy(
              () ->
                  kernels()
                      .softmaxStatistics(new SoftmaxStatistics.Rows(1), logits, Exclusions.none(3)))
          .hasMessage("softmax_statistics: logits are (2, 3) but there is room for 1 rows");
      assertThatThrownBy(() -> kernels().gumbelMax(new int[2], logits, Exclusions.none(3), 0, null))
          .hasMessageContaining("temperature is 0.0; it must be above 0");
    }
  }

  /** Even with the largest and smallest noise there is, and where it does not matter. */
  @ParameterizedTest
  @ValueSource(doubles = {1e-3, 0.2, 0.7, 1, 30, 1e6})
  default void gumbelMaxIsExact(double temperature) {
    double[] edges = {Math.nextDown(1.0), Double.MIN_VALUE, 0x1p-53, 0.5, Math.nextDown(0.5)};
    GumbelMax.Noise noise =
        (u, row, first, count) -> {
          for (int i = 0; i < count; i++) {
            Random random = new Random(31L * (row * 100_000 + first + i));
            u[i] = random.nextInt(5) == 0 ? edges[random.nextInt(5)] : random.nextDouble();
            u[i] = u[i] == 0 ? 0.25 : u[i];
          }
        };
    try (Arena arena = Arena.ofShared()) {
      for (int v : new int[] {1, 2, 17, 67, 1023, 1024, 1031, 4099}) {
        for (double scale : new double[] {0, 1, 30}) {
          Tensor logits = logits(arena, v, 1, v, scale);
          for (Exclusions e : exclusions(v)) {
            int[] expected = new int[3];
            int[] found = new int[3];
            REFERENCE.gumbelMax(expected, logits, e, temperature, noise);
            kernels().gumbelMax(found, logits, e, temperature, noise);
            assertThat(found).isEqualTo(expected);
          }
        }
      }
    }
  }

  @Test
  default void maskedCrossEntropyAgrees() {
    try (Arena arena = Arena.ofShared()) {
      vocabularies()
          .forEach(
              v -> {
                Tensor logits = logits(arena, v, v % 4, v, 5);
                int[] targets = {v - 1, v / 2, 0};
                double[] weights = {1, 1000, 0};
                double[] expected = new double[3];
                double[] found = new double[3];
                REFERENCE.maskedCrossEntropy(expected, logits, targets, weights);
                kernels().maskedCrossEntropy(found, logits, targets, weights);
                for (int r = 0; r < 3; r++) {
                  assertThat(Math.abs(found[r] - expected[r]))
                      .as("V = %d", v)
                      .isLessThanOrEqualTo(weights[r] * SUM);
                }
              });
    }
  }

  @Test
  default void maskedCrossEntropyOfNanIsNanAndOfTheImpossibleInfinite() {
    try (Arena arena = Arena.ofShared()) {
      Tensor logits = Numbers.random(arena, 1, 0, 3, 40);
      logits.set(7, Float.NaN);
      logits.set(40 + 39, Float.POSITIVE_INFINITY);
      logits.set(80, Float.NEGATIVE_INFINITY);
      double[] losses = new double[3];
      kernels().maskedCrossEntropy(losses, logits, new int[3], new double[] {1, 1, 1});
      assertThat(losses).containsExactly(Double.NaN, Double.NaN, Double.POSITIVE_INFINITY);
    }
  }

  @Test
  default void maskedCrossEntropyNamesATargetOutOfRange() {
    try (Arena arena = Arena.ofShared()) {
      Tensor logits = Numbers.random(arena, 1, 0, 2, 40);
      double[] two = new double[2];
      assertThatThrownBy(() -> kernels().maskedCrossEntropy(two, logits, new int[] {0, 40}, two))
          .hasMessageContaining("target 40 of row 1 is not among the 40 tokens");
      assertThatThrownBy(() -> kernels().maskedCrossEntropy(new double[1], logits, new int[2], two))
          .hasMessageContaining("2 targets, 2 weights and room for 1 losses");
    }
  }
}
