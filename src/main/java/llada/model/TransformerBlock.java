package llada.model;

import llada.kernel.Kernels;
import llada.tensor.Tensor;

/** One of L equal layers: {@link SelfAttention}, then {@link FeedForward}. */
final class TransformerBlock {
  private TransformerBlock() {}

  /**
   * What is the same for all blocks of a forward pass.
   *
   * @param positions (T) of each row, for the rotary embedding
   * @param cos (P, D/2)
   * @param sin (P, D/2)
   * @param visible (T) padding mask, or null
   * @param batch B, the number of sequences among the rows
   */
  record Pass(
      LladaConfig config,
      Kernels kernels,
      int[] positions,
      Tensor cos,
      Tensor sin,
      boolean[] visible,
      int batch,
      Probe probe) {}

  /** Reads and updates the residual stream {@code a.x()}. */
  static void forward(Activations.View a, BlockWeights w, Pass pass, int layer) {
    SelfAttention.forward(a, w, pass, layer);
    FeedForward.forward(a, w, pass, layer);
    pass.probe().see(layer, "out", a.x());
  }
}
