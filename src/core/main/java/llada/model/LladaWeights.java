package llada.model;

import java.util.ArrayList;
import java.util.List;
import llada.kernel.scalar.RopeLayout;
import llada.tensor.Tensor;

/**
 * All weights of a mask predictor, in any mixture of types.
 *
 * @param embedding (V, C)
 * @param blocks L of them, first to last
 * @param finalNorm (C)
 * @param head (V, C); the embedding itself when weights are tied
 * @param ropeLayout the order of the rows of all q_proj and k_proj within a head
 */
public record LladaWeights(
    Tensor embedding,
    List<BlockWeights> blocks,
    Tensor finalNorm,
    Tensor head,
    RopeLayout ropeLayout) {
  public LladaWeights {
    blocks = List.copyOf(blocks);
  }

  /** Weights in half-split order, as the published ones are. */
  public LladaWeights(Tensor embedding, List<BlockWeights> blocks, Tensor finalNorm, Tensor head) {
    this(embedding, blocks, finalNorm, head, RopeLayout.HALF_SPLIT);
  }

  /** Whether the head is the embedding. */
  @SuppressWarnings("ReferenceEquality") // the same memory is what is asked for
  public boolean tied() {
    return head == embedding;
  }

  /** All tensors, in the order of the forward pass; a tied head only once, as the embedding. */
  public List<Tensor> tensors() {
    List<Tensor> all = new ArrayList<>();
    all.add(embedding);
    blocks.forEach(block -> all.addAll(block.tensors()));
    all.add(finalNorm);
    if (!tied()) {
      all.add(head);
    }
    return all;
  }
}
