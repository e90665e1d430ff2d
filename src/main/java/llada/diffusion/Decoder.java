package llada.diffusion;

import llada.diffusion.cache.CachePolicy;
import llada.diffusion.cache.DualCache;
import llada.diffusion.cache.Recompute;
import llada.diffusion.commit.CommitRule;
import llada.diffusion.commit.Quota;
import llada.diffusion.commit.Threshold;
import llada.tensor.DType;

/**
 * How a generation is decoded: the choices that make it faster than the published sampler, each
 * independent of the others.
 *
 * @param cache which positions a step computes
 * @param cacheType how keys and values are kept: F32, BF16 or Q8_0
 * @param commit which proposals are committed, and which tokens taken back
 */
public record Decoder(CachePolicy cache, DType cacheType, CommitRule commit) {
  /** As published: no cache, a fixed number of tokens a step. */
  public static Decoder exact() {
    return new Decoder(new Recompute(), DType.F32, new Quota());
  }

  /** Dual cache and confidence threshold 0.9; meant for blocks of 32. */
  public static Decoder fast() {
    return new Decoder(new DualCache(), DType.F32, new Threshold(Threshold.TAU));
  }

  /** This with another rule. */
  public Decoder with(CommitRule rule) {
    return new Decoder(cache, cacheType, rule);
  }

  /** This with another cache. */
  public Decoder with(CachePolicy policy) {
    return new Decoder(policy, cacheType, commit);
  }

  /** Whether this is the published sampler. */
  public boolean isExact() {
    return keeps() == CachePolicy.Keeps.NOTHING && commit instanceof Quota;
  }

  /** What its cache keeps. */
  CachePolicy.Keeps keeps() {
    return cache.keeps();
  }
}
