package llada.api;

import llada.diffusion.LikelihoodOptions;
import llada.diffusion.SamplerOptions;

/**
 * How gaps are filled.
 *
 * @param sampler all but its lengths
 * @param steps forward passes for each text; null for one for each missing token
 * @param scoring how open lengths are compared
 * @param longestGap the largest length that is tried for an open gap
 * @param seed of all random numbers
 */
public record InfillOptions(
    SamplerOptions sampler, Integer steps, LikelihoodOptions scoring, int longestGap, long seed) {
  /** Enough to compare lengths: 32 masked copies each. */
  public static final LikelihoodOptions SCORING =
      new LikelihoodOptions(LikelihoodOptions.Form.L, 32, 16, 0, false);
}
