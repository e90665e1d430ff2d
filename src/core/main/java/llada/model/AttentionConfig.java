package llada.model;

import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.Rope;

/**
 * What an attention is like.
 *
 * @param heads H, query heads
 * @param kvHeads key-value heads; H is a multiple of it (1 is multi-query attention)
 * @param headDim D, channels of a head; H * D need not be C
 * @param rotaryDims channels of a head that turn with the position, the first ones
 * @param ropeTheta base of the rotary frequencies
 * @param scaling how the frequencies are stretched for longer texts
 * @param qkNorm whether each head's query and key are normed before they turn
 * @param qkvBias whether queries, keys and values have a bias
 * @param outBias whether the output has one
 * @param block how far a token sees: {@link #FULL} everywhere, {@link #CAUSAL} to itself, else to
 *     the end of its block of so many tokens, counted from the first token
 */
public record AttentionConfig(
    int heads,
    int kvHeads,
    int headDim,
    int rotaryDims,
    double ropeTheta,
    RopeScaling scaling,
    boolean qkNorm,
    boolean qkvBias,
    boolean outBias,
    int block) {
  /** Every token sees every token. */
  public static final int FULL = 0;

  /** A token sees those before it, and itself. */
  public static final int CAUSAL = 1;

  /** Plain heads that turn as a whole and see everything: dense LLaDA. */
  public static AttentionConfig of(int heads, int kvHeads, int headDim, double ropeTheta) {
    return new AttentionConfig(
        heads, kvHeads, headDim, headDim, ropeTheta, RopeScaling.NONE, false, false, false, FULL);
  }

  /** The same, but seen so far: {@link #block}. */
  public AttentionConfig withBlock(int other) {
    return new AttentionConfig(
        heads, kvHeads, headDim, rotaryDims, ropeTheta, scaling, qkNorm, qkvBias, outBias, other);
  }

  /** H * D, channels of all queries of a token. */
  public int channels() {
    return heads * headDim;
  }

  /** Channels of all keys, or of all values, of a token. */
  public int kvChannels() {
    return kvHeads * headDim;
  }

  /**
   * What each token of a batch sees.
   *
   * @param visible (B * T) false on padding; null where there is none
   */
  AttentionMask mask(boolean[] visible, int batch, int length) {
    return block == FULL
        ? AttentionMask.padded(visible)
        : AttentionMask.blocks(visible, batch, length, block);
  }

  /** (R/2) the rotary frequencies. */
  float[] frequencies() {
    return scaling.scaled(Rope.frequencies(ropeTheta, rotaryDims));
  }
}
