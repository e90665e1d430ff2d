/**
 * The specification: every operation as plain loops over plain indices, one class an op, no
 * threads, no vectors. Everything faster is tested against it.
 *
 * <p>Argument order is outputs, inputs, weights, sizes. All activations are float32 and row-major,
 * one row a token; weights may have any {@link llada.tensor.DType}. Each op checks its shapes and
 * says which rule was broken; the fast versions call the same checks.
 *
 * <p>Under each {@code forward} that has a derivative stands its {@code backward}. Gradients start
 * with d. Those of weights accumulate, as a weight may be used twice and a batch be cut in pieces;
 * those of activations overwrite, but for the norm's, which is added to the stream beside it.
 *
 * <p>Open first: {@link llada.kernel.scalar.RmsNorm}, then {@link llada.kernel.scalar.Matmul} and
 * {@link llada.kernel.scalar.Attention}.
 */
package llada.kernel.scalar;
