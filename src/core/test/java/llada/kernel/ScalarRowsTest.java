package llada.kernel;

import java.util.List;

/** {@link RowContract} of the reference, which runs on the calling thread. */
final class ScalarRowsTest implements RowContract {
  @Override
  public Kernels kernels(Parallel parallel) {
    return new ScalarKernels();
  }

  @Override
  public List<Integer> threads() {
    return List.of(1);
  }
}
