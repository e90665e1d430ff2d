/**
 * The contract between the model and the machine.
 *
 * <p>{@link llada.kernel.Kernels} has one method for each operation; its default body is the scalar
 * reference, so a new op works everywhere at once and a faster tier overrides what it improves.
 * {@link llada.kernel.Parallel} is all that a kernel knows of threads.
 *
 * <p>Open first: {@link llada.kernel.Kernels}.
 */
package llada.kernel;
