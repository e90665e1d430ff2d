package llada.model;

import java.lang.foreign.Arena;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * A float32 number for every weight, in one piece of memory: gradients, or anything else that an
 * optimiser keeps beside the weights. Zero at first.
 */
public final class Gradients {
  private final LladaWeights tensors;
  private final Tensor flat;

  /**
   * Allocates as much as {@code like} has weights.
   *
   * @param like whose shapes to take, of any type; a tied head shares its memory with the embedding
   */
  public Gradients(LladaWeights like, Arena arena) {
    long size = like.tensors().stream().mapToLong(Gradients::padded).sum();
    flat = Tensor.allocate(arena, DType.F32, size);
    long[] at = {0};
    tensors =
        like.map(
            tensor -> {
              Tensor piece = flat.slice(at[0], tensor.shape().toArray());
              at[0] += padded(tensor);
              return piece;
            });
  }

  /** The gradients under the names of the weights, of the same shapes. */
  public LladaWeights tensors() {
    return tensors;
  }

  /**
   * All of them as one vector (n), in the order of the forward pass; each tensor starts on a cache
   * line, and the numbers between are 0.
   */
  public Tensor flat() {
    return flat;
  }

  /** Sets all to 0. */
  public void zero() {
    flat.clear();
  }

  /** Numbers of a tensor, up to the next cache line. */
  private static long padded(Tensor tensor) {
    long line = Tensor.ALIGNMENT / Float.BYTES;
    return (tensor.shape().elements() + line - 1) / line * line;
  }
}
