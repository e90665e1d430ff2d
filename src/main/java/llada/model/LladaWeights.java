package llada.model;

import java.util.List;
import llada.tensor.Tensor;

/**
 * All weights of a mask predictor, in any mixture of types.
 *
 * @param embedding (V, C)
 * @param blocks L of them, first to last
 * @param finalNorm (C)
 * @param head (V, C); the embedding itself when weights are tied
 */
public record LladaWeights(
    Tensor embedding, List<BlockWeights> blocks, Tensor finalNorm, Tensor head) {
  public LladaWeights {
    blocks = List.copyOf(blocks);
  }

  /** Whether the head is the embedding. */
  @SuppressWarnings("ReferenceEquality") // the same memory is what is asked for
  public boolean tied() {
    return head == embedding;
  }
}
