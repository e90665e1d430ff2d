package llada.backend;

import llada.kernel.Kernels;

/**
 * Kernels that are ready to run, for any number of threads; see {@link Kernels} for the rule.
 *
 * @param name scalar, vector, machine or cuda
 * @param why what was chosen and why, one line for the user
 * @param threads workers of the pool
 * @param kernels the operations, served in turn by {@link llada.kernel.SharedKernels}
 * @param pool closed with the backend, as are kernels that hold a device
 */
public record Backend(String name, String why, int threads, Kernels kernels, ThreadPool pool)
    implements AutoCloseable {
  /**
   * Waits for the operation that is being served; those that come later throw
   * IllegalStateException. Closing again does nothing.
   */
  @Override
  public void close() {
    try {
      if (kernels instanceof AutoCloseable device) {
        device.close();
      }
    } catch (Exception e) {
      throw new BackendException("backend " + name + " cannot be closed: " + e.getMessage(), e);
    } finally {
      pool.close();
    }
  }
}
