package llada.kernel.scalar;

import llada.tensor.Tensor;

/**
 * What a rotary embedding turns by, and what of a head it turns.
 *
 * @param cos (P, R/2) cosines by position, for R rotary channels of a head
 * @param sin (P, R/2) sines by position
 * @param headDim D, at least R; the channels of a head from R on stay as they are
 * @param layout the order in which the R channels come
 */
public record RopeTables(Tensor cos, Tensor sin, int headDim, RopeLayout layout) {
  /** Tables that turn whole heads. */
  public static RopeTables whole(Tensor cos, Tensor sin, RopeLayout layout) {
    return new RopeTables(cos, sin, 2 * cos.dim(1), layout);
  }
}
