package llada.model;

import llada.kernel.Kernels;
import llada.kernel.scalar.RopeLayout;
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
   * @param ropeLayout the order in which q_proj and k_proj give the channels of a head
   * @param visible (T) padding mask, or null
   * @param batch B, the number of sequences among the rows
   */
  record Pass(
      LladaConfig config,
      Kernels kernels,
      int[] positions,
      Tensor cos,
      Tensor sin,
      RopeLayout ropeLayout,
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
