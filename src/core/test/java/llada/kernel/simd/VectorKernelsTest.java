package llada.kernel.simd;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.Arrays;
import llada.backend.ThreadPool;
import llada.kernel.FamilyContract;
import llada.kernel.GradientContract;
import llada.kernel.KernelContract;
import llada.kernel.Kernels;
import llada.kernel.Numbers;
import llada.kernel.Parallel;
import llada.kernel.VocabularyContract;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.GumbelMax;
import llada.kernel.scalar.SoftmaxStatistics;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** Surefire runs this at the machine's own width and again at 128 and 256 bits. */
final class VectorKernelsTest
    implements KernelContract, VocabularyContract, GradientContract, FamilyContract {
  @Override
  public Kernels kernels() {
    return new VectorKernels(Parallel.SERIAL);
  }

  @Test
  void widthIsTheOneAskedFor() {
    int asked = Integer.getInteger("llada.vector.bits", Lanes.bits());
    assertThat(Lanes.bits()).isEqualTo(asked);
  }

  @Test
  void vocabularyOpsDoNotDependOnTheNumberOfThreads() {
    try (Arena arena = Arena.ofShared();
        ThreadPool pool = new ThreadPool(3)) {
      Tensor logits = Numbers.random(arena, 1, 0, 20, 3001);
      Kernels threaded = new VectorKernels(pool);
      Exclusions none = Exclusions.none(3001);
      GumbelMax.Noise noise =
          (u, row, first, count) -> {
            for (int i = 0; i < count; i++) {
              u[i] = ((row * 7919L + (first + i) * 104729L) % 999983 + 0.5) / 999983;
            }
          };
      SoftmaxStatistics.Rows one = new SoftmaxStatistics.Rows(20);
      SoftmaxStatistics.Rows three = new SoftmaxStatistics.Rows(20);
      int[] oneTokens = new int[20];
      int[] threeTokens = new int[20];
      double[] oneLosses = new double[20];
      double[] threeLosses = new double[20];
      double[] weights = new double[20];
      Arrays.fill(weights, 1.5);
      kernels().softmaxStatistics(one, logits, none);
      kernels().gumbelMax(oneTokens, logits, none, 1, noise);
      kernels().maskedCrossEntropy(oneLosses, logits, oneTokens, weights);
      for (int repeat = 0; repeat < 300; repeat++) { // long enough to be compiled on the way
        threaded.softmaxStatistics(three, logits, none);
        assertThat(three.argMax).isEqualTo(one.argMax);
        assertThat(three.sum).isEqualTo(one.sum);
        assertThat(three.entropy).isEqualTo(one.entropy);
        assertThat(three.margin).isEqualTo(one.margin);
        threaded.gumbelMax(threeTokens, logits, none, 1, noise);
        assertThat(threeTokens).isEqualTo(oneTokens);
        threaded.maskedCrossEntropy(threeLosses, logits, oneTokens, weights);
        assertThat(threeLosses).isEqualTo(oneLosses);
      }
    }
  }

  @Test
  void resultsDoNotDependOnTheNumberOfThreads() {
    try (Arena arena = Arena.ofShared();
        ThreadPool pool = new ThreadPool(3)) {
      Tensor x = Numbers.random(arena, 1, 0, 50, 96);
      Tensor w = Numbers.random(arena, 2, 0, 70, 96);
      Tensor one = Tensor.allocate(arena, DType.F32, 50, 70);
      Tensor three = Tensor.allocate(arena, DType.F32, 50, 70);
      kernels().matmul(one, x, w);
      Kernels threaded = new VectorKernels(pool);
      Tensor oneContext = Tensor.allocate(arena, DType.F32, 50, 96);
      Tensor threeContext = Tensor.allocate(arena, DType.F32, 50, 96);
      AttentionShape shape = AttentionShape.of(6, 6);
      AttentionMask mask = AttentionMask.causal(null, 1, 50);
      kernels().attention(oneContext, x, x, x, shape, mask);
      for (int repeat = 0; repeat < 200; repeat++) {
        threaded.matmul(three, x, w);
        assertThat(Numbers.largestDifference(one, three)).isZero();
        threaded.attention(threeContext, x, x, x, shape, mask);
        assertThat(Numbers.largestDifference(oneContext, threeContext)).isZero();
      }
    }
  }
}
