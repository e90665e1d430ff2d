package llada.kernel.simd;

import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.kernel.RowContract;

/** {@link RowContract} of the vector tier; run at the machine's own width, 128 and 256 bits. */
final class VectorRowsTest implements RowContract {
  @Override
  public Kernels kernels(Parallel parallel) {
    return new VectorKernels(parallel);
  }
}
