package llada.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import llada.kernel.ExpertContract;
import llada.kernel.Kernels;
import llada.kernel.Numbers;
import llada.kernel.Parallel;
import llada.kernel.Precision;
import llada.kernel.scalar.Route;
import llada.kernel.scalar.Router;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@link ExpertContract} through FFM on the emulator. */
@Tag("gpu")
final class CudaExpertsTest {
  private static CudaKernels exact;
  private static CudaKernels weights;

  @BeforeAll
  static void open() {
    Emulator.loadOrGpu();
    CudaDevice device = CudaDevice.list().getFirst();
    exact = new CudaKernels(device, Precision.EXACT);
    weights = new CudaKernels(device, Precision.WEIGHTS);
  }

  @AfterAll
  static void close() {
    for (CudaKernels kernels : new CudaKernels[] {exact, weights}) {
      if (kernels != null) {
        kernels.close();
      }
    }
  }

  @Nested
  final class Exact implements ExpertContract {
    @Override
    public Kernels kernels(Parallel parallel) {
      return exact;
    }

    @Override
    public boolean exactRows() {
      return false;
    }
  }

  /** Activations rounded as suits the weights. */
  @Nested
  final class Weights implements ExpertContract {
    @Override
    public Kernels kernels(Parallel parallel) {
      return weights;
    }

    @Override
    public boolean exactRows() {
      return false;
    }

    @Override
    public double rounding(DType weight) {
      return CudaKernelsTest.rounding(weight);
    }
  }

  /** The experts of a file are views of one tensor: that is taken to the device once. */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16", "Q8_0", "Q6_K"})
  void viewsOfOneTensorShareACopy(DType dtype) {
    try (Arena arena = Arena.ofShared()) {
      int e = 16;
      int f = 24;
      int c = 256;
      Tensor all = Numbers.randomWeight(arena, 3, dtype, e * f, c);
      List<Tensor> views =
          IntStream.range(0, e).mapToObj(i -> all.slice((long) i * f * c, f, c)).toList();
      int[] offsets = new int[e + 1];
      Arrays.setAll(offsets, i -> i * (i - 1) / 2); // 0 to 15 rows: both ways of computing
      Tensor x = Numbers.random(arena, 1, 0, offsets[e], c);
      Tensor out = Tensor.allocate(arena, DType.F32, offsets[e], f);
      Tensor expected = Tensor.allocate(arena, DType.F32, offsets[e], f);
      exact.matmul(out.rows(9), x.rows(9), views.getFirst()); // scratch memory, if it is needed
      Object copy = all.storage().copy();
      exact.expertMatmul(out, x, views, offsets);
      ExpertContract.REFERENCE.expertMatmul(expected, x, views, offsets);
      assertThat(copy).isNotNull();
      assertThat(views).allSatisfy(v -> assertThat(v.storage().copy()).isSameAs(copy));
      double bound = 2.0 * c * c * Numbers.EPSILON * Numbers.largest(x);
      assertThat(Numbers.largestDifference(out, expected)).isLessThanOrEqualTo(bound);
    }
  }

  /** NaN, infinities and both zeros among equal scores: the reference's choice, group by group. */
  @Test
  void routeOrdersWhatIsNoNumberAsTheReference() {
    try (Arena arena = Arena.ofShared()) {
      float[] values = {Float.NaN, 0f, -0f, 1, 1, Float.POSITIVE_INFINITY, -1, Float.MIN_VALUE};
      float[] lowest = {Float.NEGATIVE_INFINITY, Float.NaN, -Float.MIN_VALUE, -3, -0f, 0f};
      for (int e : new int[] {6, 40, 96}) {
        for (int groups : new int[] {1, 2, e / 2}) {
          float[] logits = new float[13 * e];
          float[] biases = new float[e];
          for (int i = 0; i < logits.length; i++) {
            logits[i] = values[(i * 7 + i / e) % values.length];
          }
          for (int i = 0; i < e; i++) {
            biases[i] = lowest[(i * 5 + groups) % lowest.length];
          }
          Tensor x = Tensor.of(arena, logits, 13, e);
          for (Router.Scores scores : Router.Scores.values()) {
            for (Router.Bias kind : Router.Bias.values()) {
              int used = (groups + 1) / 2;
              Router router = new Router(scores, kind, e == 40, 1.5f, groups, used);
              Tensor bias = kind == Router.Bias.NONE ? Route.NO_BIAS : Tensor.of(arena, biases, e);
              int k = Math.min(e / groups * used, 5);
              int[] expected = new int[13 * k];
              float[] expectedWeights = new float[13 * k];
              ExpertContract.REFERENCE.route(expected, expectedWeights, x, bias, k, router);
              int[] experts = new int[13 * k];
              float[] counted = new float[13 * k];
              exact.route(experts, counted, x, bias, k, router);
              assertThat(experts).as("%s of %d", router, e).isEqualTo(expected);
              assertThat(counted).as("%s of %d", router, e).isEqualTo(expectedWeights);
            }
          }
        }
      }
    }
  }
}
