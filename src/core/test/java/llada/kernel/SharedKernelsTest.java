package llada.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.List;
import llada.kernel.simd.VectorKernels;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Sharing of the backends that run everywhere. */
final class SharedKernelsTest {
  @Nested
  final class Scalar implements SharingContract {
    @Override
    public Kernels open(Parallel parallel) {
      return SharedKernels.of(new ScalarKernels());
    }
  }

  @Nested
  final class Vector implements SharingContract {
    @Override
    public Kernels open(Parallel parallel) {
      return SharedKernels.of(new VectorKernels(parallel));
    }
  }

  @Test
  void whatIsSharedCanBeLookedAt() {
    Kernels scalar = new ScalarKernels();
    assertThat(SharedKernels.inside(SharedKernels.of(scalar))).isSameAs(scalar);
    assertThat(SharedKernels.inside(scalar)).isSameAs(scalar);
  }

  @Test
  void aFreedTensorInAListIsNoticed() {
    try (Arena arena = Arena.ofShared()) {
      Arena closed = Arena.ofShared();
      Tensor x = Tensor.allocate(arena, DType.F32, 2, 32);
      Tensor out = Tensor.allocate(arena, DType.F32, 2, 16);
      Tensor weight = Tensor.allocate(arena, DType.F32, 16, 32);
      Tensor freed = Tensor.allocate(closed, DType.F32, 16, 32);
      Kernels kernels = SharedKernels.of(new ScalarKernels());
      kernels.expertMatmul(out, x, List.of(weight, freed), new int[] {0, 1, 2});
      closed.close();
      assertThatThrownBy(
              () -> kernels.expertMatmul(out, x, List.of(weight, freed), new int[] {0, 1, 2}))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("expertMatmul: the memory of a tensor")
          .hasMessageContaining("is freed");
    }
  }
}
