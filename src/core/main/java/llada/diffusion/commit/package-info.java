/**
 * Which proposals of a step are committed, and which tokens are taken back.
 *
 * <p>The published sampler commits a fixed number in every step. All rules but that one let the
 * model's certainty decide, so that easy text takes few steps:
 *
 * <pre>
 *   {@link llada.diffusion.commit.Quota}           n a step, the best ones: as published
 *   {@link llada.diffusion.commit.Threshold}       all with confidence above a threshold (Fast-dLLM)
 *   {@link llada.diffusion.commit.Factor}          as many as their confidence vouches for together (Fast-dLLM)
 *   {@link llada.diffusion.commit.EntropyBounded}  as many as their entropies allow (EB-Sampler)
 *   {@link llada.diffusion.commit.Klass}           those that are sure and no longer change (KLASS)
 *   {@link llada.diffusion.commit.Remdm}           a quota, of which some are taken back (ReMDM)
 *   {@link llada.diffusion.commit.Prophet}         any of these until the whole answer is sure (Prophet)
 * </pre>
 *
 * <p>A rule sees numbers of one sequence and keeps none. Which positions are computed is another
 * question: see {@code llada.diffusion.cache}.
 *
 * <p>Open first: {@link llada.diffusion.commit.CommitRule}, then {@link
 * llada.diffusion.commit.Threshold}.
 */
package llada.diffusion.commit;
