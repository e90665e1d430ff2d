package llada.diffusion;

import llada.model.TokenBatch;

/**
 * A batch after the forward process: what the network sees, and what it is to say about it. The
 * loss is the sum over r of weights[r] * CE(logits[rows[r]], targets[r]).
 *
 * @param xt (B, T) partly masked
 * @param rows (R) the masked positions as rows of the flattened batch
 * @param targets (R) what stood there
 * @param weights (R) such that the weighted sum is the published loss
 * @param pMask (B) the probability with which each sequence was masked
 * @param causal whether a position may only attend to those before it
 */
public record NoisyBatch(
    TokenBatch xt, int[] rows, int[] targets, double[] weights, float[] pMask, boolean causal) {

  /** Tokens that the network sees, padding included. */
  public int tokens() {
    return xt.size() * xt.length();
  }
}
