package llada.kernel;

import llada.kernel.simd.VectorKernels;
import org.junit.jupiter.api.Nested;

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
}
