package llada.diffusion;

import java.util.Optional;
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
 * @param cacheType how keys and values are kept: F32, BF16 or Q8_0; where a cache is exact, it is
 *     so in F32 alone
 * @param commit which proposals are committed, and which tokens taken back
 * @param repetition what is done against saying things twice
 * @param length finds the length of the answer, of which gen_length is then the most; empty for
 *     answers of gen_length
 * @param blocks how blocks are filled by a model that writes block by block, which has a cache and
 *     a commit rule of its own
 */
public record Decoder(
    CachePolicy cache,
    DType cacheType,
    CommitRule commit,
    Repetition repetition,
    Optional<Daedal> length,
    BlockOptions blocks) {
  /** With blocks as published. */
  public Decoder(
      CachePolicy cache,
      DType cacheType,
      CommitRule commit,
      Repetition repetition,
      Optional<Daedal> length) {
    this(cache, cacheType, commit, repetition, length, BlockOptions.DEFAULT);
  }

  /** Without repetition control, of fixed length. */
  public Decoder(CachePolicy cache, DType cacheType, CommitRule commit) {
    this(cache, cacheType, commit, Repetition.NONE, Optional.empty());
  }

  /** Checks that the choices go together. */
  public Decoder {
    if (length.isPresent() && !commit.adaptive()) {
      throw new IllegalArgumentException(
          "a variable length needs a rule without a fixed number of steps, such as threshold");
    }
  }

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
    return new Decoder(cache, cacheType, rule, repetition, length, blocks);
  }

  /** This with another cache. */
  public Decoder with(CachePolicy policy) {
    return new Decoder(policy, cacheType, commit, repetition, length, blocks);
  }

  /** This with answers of variable length. */
  public Decoder with(Daedal daedal) {
    return new Decoder(cache, cacheType, commit, repetition, Optional.of(daedal), blocks);
  }

  /** This with blocks filled so. */
  public Decoder with(BlockOptions filled) {
    return new Decoder(cache, cacheType, commit, repetition, length, filled);
  }

  /** Whether this is the published sampler. */
  public boolean isExact() {
    return keeps() == CachePolicy.Keeps.NOTHING && commit instanceof Quota && !repetition.active();
  }

  /** What its cache keeps. */
  CachePolicy.Keeps keeps() {
    return cache.keeps();
  }
}
