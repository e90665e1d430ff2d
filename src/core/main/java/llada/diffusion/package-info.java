/**
 * The reverse process: from all masks to text, a few tokens a step, in any order.
 *
 * <p>A step from time t to s asks the mask predictor for every masked position at once and keeps a
 * share 1 - s/t of the answers; the rest is masked again ("remasking": nothing that was kept ever
 * changes). Which answers are kept is the choice of {@link llada.diffusion.Remasking}; how many, of
 * {@link llada.diffusion.TransferSchedule}.
 *
 * <p>That is the exact sampler. What makes it faster is a {@link llada.diffusion.Decoder}: which
 * positions a step computes is the choice of a {@code llada.diffusion.cache.CachePolicy}, what it
 * commits that of a {@code llada.diffusion.commit.CommitRule}.
 *
 * <p>Other models of the family write block by block, each in any order ({@link
 * llada.diffusion.BlockOptions}), or from left to right; what is before is then final, and its keys
 * and values are kept exactly ({@link llada.diffusion.KeptPrefix}).
 *
 * <p>Open first: {@link llada.diffusion.DiffusionSampler}.
 */
package llada.diffusion;
