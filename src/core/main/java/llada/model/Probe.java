package llada.model;

import llada.tensor.Tensor;

/**
 * Sees the intermediate values of a forward pass go by: for tests, statistics and curiosity.
 *
 * <p>Names, in order: {@code embed}; for each block {@code attn_norm}, {@code q_rope}, {@code
 * k_rope}, {@code attn_ctx}, {@code attn_out}, {@code resid_mid}, {@code ff_norm}, {@code ff_act}
 * (or {@code router_logits}, {@code shared_out} with experts), {@code ff_out}, {@code out}; then
 * {@code final_norm}, {@code logits}.
 */
@FunctionalInterface
public interface Probe {
  /** Looks at nothing. */
  Probe NONE = (layer, name, value) -> {};

  /**
   * Called as soon as a value is complete; it is overwritten after the call returns.
   *
   * @param layer the block, from 0, or -1 outside the blocks
   * @param value (B * T, channels)
   */
  void see(int layer, String name, Tensor value);

  /**
   * Called when a layer with experts has chosen.
   *
   * @param experts (T * k) of each token, best first
   * @param weights (T * k)
   */
  default void routed(int layer, int[] experts, float[] weights) {}
}
