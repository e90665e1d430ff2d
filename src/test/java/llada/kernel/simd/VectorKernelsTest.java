package llada.kernel.simd;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import llada.backend.ThreadPool;
import llada.kernel.KernelContract;
import llada.kernel.Kernels;
import llada.kernel.Numbers;
import llada.kernel.Parallel;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** Surefire runs this at the machine's own width and again at 128 and 256 bits. */
final class VectorKernelsTest implements KernelContract {
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
      kernels().attention(oneContext, x, x, x, null, 1, 6, 6);
      for (int repeat = 0; repeat < 200; repeat++) {
        threaded.matmul(three, x, w);
        assertThat(Numbers.largestDifference(one, three)).isZero();
        threaded.attention(threeContext, x, x, x, null, 1, 6, 6);
        assertThat(Numbers.largestDifference(oneContext, threeContext)).isZero();
      }
    }
  }
}
