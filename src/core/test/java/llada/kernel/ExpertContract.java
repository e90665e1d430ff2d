package llada.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import llada.backend.ThreadPool;
import llada.kernel.scalar.ExpertOrder;
import llada.kernel.scalar.Route;
import llada.kernel.scalar.Router;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every backend must do for layers with experts. */
public interface ExpertContract {
  Kernels REFERENCE = new ScalarKernels();

  /** LLaDA2's router. */
  Router GROUPED =
      new Router(Router.Scores.SIGMOID, Router.Bias.SELECTION, true, 2.5f, /* groups= */ 4, 2);

  /** Kernels that run on these workers. */
  Kernels kernels(Parallel parallel);

  /** See {@link KernelContract#rounding}. */
  default double rounding(DType weight) {
    return 0;
  }

  /** Whether a row of {@code expertMatmul} has the bits that {@code matmul} gives it alone. */
  default boolean exactRows() {
    return true;
  }

  /** Rows of each expert: none, few, as many as a vector holds and more; across panels. */
  private static int[] counts() {
    return new int[] {1, 0, 3, 9, 17, 0, 33, 2};
  }

  private static int[] offsets(int[] counts) {
    int[] offsets = new int[counts.length + 1];
    for (int e = 0; e < counts.length; e++) {
      offsets[e + 1] = offsets[e] + counts[e];
    }
    return offsets;
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  default void expertMatmulIsMatmulOfEachRow(DType dtype) {
    int[][] shapes = {{37, 256}, {130, 768}};
    int[][] odd = {{5, 24}, {24, 71}};
    for (int[] shape : shapes) {
      expertMatmulIsMatmulOfEachRow(dtype, shape[0], shape[1]);
    }
    for (int[] shape : odd) {
      if (dtype.blockLength() == 1) {
        expertMatmulIsMatmulOfEachRow(dtype, shape[0], shape[1]);
      }
    }
  }

  private void expertMatmulIsMatmulOfEachRow(DType dtype, int f, int c) {
    try (Arena arena = Arena.ofShared();
        ThreadPool pool = new ThreadPool(3)) {
      for (int[] counts : new int[][] {counts(), {1}, {0, 20}}) {
        int[] offsets = offsets(counts);
        int n = offsets[counts.length];
        Tensor x = Numbers.random(arena, 1, 1, n, c);
        x.set(c - 1, Float.NaN); // the first row's own affair
        List<Tensor> weights =
            IntStream.range(0, counts.length)
                .mapToObj(e -> Numbers.randomWeight(arena, 10 + e, dtype, f, c))
                .toList();
        for (Parallel parallel : new Parallel[] {Parallel.SERIAL, pool}) {
          Tensor out = Numbers.random(arena, 2, 1, n, f);
          Kernels kernels = kernels(parallel);
          kernels.expertMatmul(out, x, weights, offsets);
          for (int e = 0; e < counts.length; e++) {
            for (int r = offsets[e]; r < offsets[e + 1]; r++) {
              Tensor expected = Tensor.allocate(arena, DType.F32, 1, f);
              (exactRows() ? kernels : REFERENCE).matmul(expected, x.rows(r, 1), weights.get(e));
              double bound = exactRows() || r == 0 ? 0 : bound(x.rows(r, 1), weights.get(e));
              assertThat(Numbers.largestDifference(out.rows(r, 1), expected))
                  .as("%s (%d, %d), row %d of expert %d", dtype, f, c, r, e)
                  .isLessThanOrEqualTo(bound);
            }
          }
        }
      }
    }
  }

  private double bound(Tensor row, Tensor weight) {
    double largest = 0;
    for (float value : weight.toArray()) {
      largest = Math.max(largest, Math.abs(value));
    }
    int c = row.dim(1);
    return (2.0 * c * Numbers.EPSILON + rounding(weight.dtype()))
        * c
        * Numbers.largest(row)
        * largest;
  }

  @Test
  default void expertMatmulOfNoRowsDoesNothing() {
    try (Arena arena = Arena.ofShared()) {
      Tensor none = Tensor.allocate(arena, DType.F32, 0, 64);
      Tensor weight = Numbers.random(arena, 1, 0, 64, 64);
      kernels(Parallel.SERIAL).expertMatmul(none, none, List.of(weight, weight), new int[3]);
    }
  }

  @Test
  default void expertMatmulNamesWhatDisagrees() {
    try (Arena arena = Arena.ofShared()) {
      Kernels kernels = kernels(Parallel.SERIAL);
      Tensor x = Numbers.random(arena, 1, 0, 3, 32);
      Tensor out = Tensor.allocate(arena, DType.F32, 3, 16);
      Tensor weight = Numbers.random(arena, 1, 0, 16, 32);
      List<Tensor> two = List.of(weight, weight);
      assertThatThrownBy(() -> kernels.expertMatmul(out, x, two, new int[] {0, 3}))
          .hasMessageContaining("2 offsets for 2 experts");
      assertThatThrownBy(() -> kernels.expertMatmul(out, x, two, new int[] {0, 4, 3}))
          .hasMessageContaining("rows 4 to 3 for expert 1");
      assertThatThrownBy(() -> kernels.expertMatmul(out, x, two, new int[] {0, 1, 2}))
          .hasMessageContaining("offsets from 0 to 2 but x is (3, 32)");
      List<Tensor> unlike = List.of(weight, Numbers.randomWeight(arena, 1, DType.Q8_0, 16, 32));
      assertThatThrownBy(() -> kernels.expertMatmul(out, x, unlike, new int[] {0, 1, 3}))
          .hasMessageContaining("expert 1 is Q8_0 (16, 32) but expert 0 is F32 (16, 32)");
    }
  }

  @Test
  default void routeAgrees() {
    try (Arena arena = Arena.ofShared();
        ThreadPool pool = new ThreadPool(3)) {
      Router weighted = new Router(Router.Scores.SOFTMAX, Router.Bias.WEIGHT, false, 1, 1, 1);
      for (Router router : new Router[] {Router.SOFTMAX, GROUPED, weighted}) {
        for (int e : new int[] {8, 64, 256}) {
          Tensor logits = Numbers.random(arena, e, 1, 77, e);
          for (int t = 0; t < 77; t += 5) {
            logits.set((long) t * e + t % e, t % 2 == 0 ? Float.NaN : Float.POSITIVE_INFINITY);
          }
          boolean none = router.bias() == Router.Bias.NONE;
          Tensor bias = none ? Route.NO_BIAS : Numbers.random(arena, 5, 3, e);
          int k = 4;
          int[] expected = new int[77 * k];
          float[] expectedWeights = new float[77 * k];
          REFERENCE.route(expected, expectedWeights, logits, bias, k, router);
          int[] experts = new int[77 * k];
          float[] weights = new float[77 * k];
          kernels(pool).route(experts, weights, logits, bias, k, router);
          assertThat(experts).isEqualTo(expected);
          assertThat(weights).isEqualTo(expectedWeights);
        }
      }
    }
  }

  /** By hand: four groups of two; the best two groups by sum, and from these the best three. */
  @Test
  default void routeChoosesByGroupAndWeighsWithoutTheBias() {
    try (Arena arena = Arena.ofShared()) {
      float[] logits = {9, -9, 1, 1, 0, 2, 1, 1};
      Tensor bias = Tensor.of(arena, new float[] {0, 0, 0, 0, 1, 0, 0, 0}, 8);
      int[] experts = new int[3];
      float[] weights = new float[3];
      Tensor row = Tensor.of(arena, logits, 1, 8);
      kernels(Parallel.SERIAL).route(experts, weights, row, bias, 3, GROUPED);
      // Sums: about 1, 1.462, 2.381 (with the bias), 1.462: groups 2 and, of equal ones, 1.
      assertThat(experts).containsExactly(4, 5, 2);
      double[] scores = {0.5, 1 / (1 + Math.exp(-2)), 1 / (1 + Math.exp(-1))};
      double sum = Arrays.stream(scores).sum();
      for (int j = 0; j < 3; j++) {
        assertThat((double) weights[j])
            .isCloseTo(2.5 * scores[j] / sum, org.assertj.core.data.Offset.offset(1e-6));
      }
    }
  }

  @Test
  default void routePrefersTheLowerOfEqualExperts() {
    try (Arena arena = Arena.ofShared()) {
      Tensor zeros = Tensor.allocate(arena, DType.F32, 1, 16);
      int[] experts = new int[5];
      float[] weights = new float[5];
      Kernels kernels = kernels(Parallel.SERIAL);
      kernels.route(experts, weights, zeros, Route.NO_BIAS, 5, Router.SOFTMAX);
      assertThat(experts).containsExactly(0, 1, 2, 3, 4);
      assertThat(weights).containsOnly(1 / 16f);
    }
  }

  @Test
  default void routeRefusesWhatDoesNotFit() {
    try (Arena arena = Arena.ofShared()) {
      Kernels kernels = kernels(Parallel.SERIAL);
      Tensor logits = Tensor.allocate(arena, DType.F32, 2, 16);
      Tensor bias = Tensor.allocate(arena, DType.F32, 16);
      assertThatThrownBy(() -> kernels.route(new int[4], new float[5], logits, bias, 2, GROUPED))
          .hasMessage("route: 4 experts and 5 weights; 2 tokens with 2 each need as many");
      assertThatThrownBy(() -> kernels.route(new int[18], new float[18], logits, bias, 9, GROUPED))
          .hasMessage("route: 9 experts a token of 16 in 2 of 4 groups");
      assertThatThrownBy(
              () -> kernels.route(new int[4], new float[4], logits, bias, 2, Router.SOFTMAX))
          .hasMessage("route: bias is (16) but must be (0)");
    }
  }

  @Test
  default void combineAgrees() {
    try (Arena arena = Arena.ofShared();
        ThreadPool pool = new ThreadPool(3)) {
      Random random = new Random(3);
      for (int c : new int[] {1, 7, 64, 71, 2048}) {
        for (int k : new int[] {1, 3, 8}) {
          int t = 21;
          int[] experts = random.ints((long) t * k, 0, 11).toArray();
          ExpertOrder order = new ExpertOrder(11);
          order.sort(experts, k);
          Tensor y = Numbers.random(arena, c, 1, (long) t * k, c);
          y.set(0, Float.NaN);
          float[] weights = new float[t * k];
          for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) random.nextGaussian();
          }
          Tensor expected = Tensor.allocate(arena, DType.F32, t, c);
          Tensor out = Numbers.random(arena, 4, 1, t, c);
          REFERENCE.combine(expected, y, order.places(), weights);
          kernels(pool).combine(out, y, order.places(), weights);
          double bound = exactRows() ? 0 : 2.0 * k * k * Numbers.EPSILON * 5 * 5;
          assertThat(Numbers.largestDifference(out, expected)).isLessThanOrEqualTo(bound);
        }
      }
    }
  }

  @Test
  default void combineRefusesARowThatIsNotThere() {
    try (Arena arena = Arena.ofShared()) {
      Tensor out = Tensor.allocate(arena, DType.F32, 1, 8);
      Tensor y = Tensor.allocate(arena, DType.F32, 2, 8);
      assertThatThrownBy(
              () -> kernels(Parallel.SERIAL).combine(out, y, new int[] {0, 2}, new float[] {1, 1}))
          .hasMessage("combine: row 2 at position 1 is not among the 2 rows of y");
    }
  }
}
