package llada.model;

import llada.tensor.Tensor;

/**
 * Sees the intermediate values of a forward pass go by: for tests, statistics and curiosity.
 *
 * <p>Names, in order: {@code embed}; for each block {@code attn_norm}, {@code q_rope}, {@code
 * k_rope}, {@code attn_ctx}, {@code resid_mid}, {@code ff_norm}, {@code ff_act}, {@code out}; then
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
}
