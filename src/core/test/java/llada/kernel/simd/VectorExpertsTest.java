package llada.kernel.simd;

import llada.kernel.ExpertContract;
import llada.kernel.Kernels;
import llada.kernel.Parallel;

/** {@link ExpertContract} of the vector tier. */
final class VectorExpertsTest implements ExpertContract {
  @Override
  public Kernels kernels(Parallel parallel) {
    return new VectorKernels(parallel);
  }
}
