/**
 * Memory and numbers: what a tensor is, before anything is done with it.
 *
 * <p>A {@link llada.tensor.Tensor} is a {@link llada.tensor.DType}, a {@link llada.tensor.Shape}
 * and a 64-byte aligned {@link java.lang.foreign.MemorySegment}; it holds no mathematics. Weights
 * stay in the type of their file: {@link llada.tensor.DType#decode} turns a run of stored values
 * into float32, and that scalar decoder defines what each quantised type means.
 *
 * <p>Letters used for sizes in the whole project, and no others: B batch, T tokens, C channels, L
 * layers, H heads, D head size, F feed-forward, V vocabulary; N and K for the rows and columns of a
 * weight matrix.
 *
 * <p>Open first: {@link llada.tensor.Tensor}.
 */
package llada.tensor;
