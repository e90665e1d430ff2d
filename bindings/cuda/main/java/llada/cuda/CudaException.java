package llada.cuda;

import llada.backend.BackendException;

/** A call of a CUDA library failed, or the library cannot be had. The message names both. */
public final class CudaException extends BackendException {
  private static final long serialVersionUID = 1L;

  private final String call;
  private final String status;

  /** For what fails before a library is called. */
  public CudaException(String message) {
    this(message, "", "");
  }

  /**
   * For a call that failed.
   *
   * @param call the function's name
   * @param status the status's name
   */
  public CudaException(String message, String call, String status) {
    super(message);
    this.call = call;
    this.status = status;
  }

  /** The function that failed; empty if none was called. */
  public String call() {
    return call;
  }

  /** The name of what it returned, such as CUDA_ERROR_OUT_OF_MEMORY. */
  public String status() {
    return status;
  }
}
