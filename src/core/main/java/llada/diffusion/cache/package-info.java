/**
 * Which positions a step of the sampler computes; keys and values of the others come from a cache.
 *
 * <p>Every token sees every other, so nothing in the cache stays exact once a token is revealed.
 * What makes caches work all the same is that most keys and values hardly change from step to step.
 * The policies differ in what they compute anew, and when:
 *
 * <pre>
 *   {@link llada.diffusion.cache.Recompute}     everything, in every step: no cache, exact
 *   {@link llada.diffusion.cache.PrefixCache}   the current block and all behind it
 *   {@link llada.diffusion.cache.DualCache}     the current block only
 *   {@link llada.diffusion.cache.DelayedCache}  masks, and what was revealed in the last step (dKV-Cache)
 *   {@link llada.diffusion.cache.AdaptiveCache} the answer's tokens that change most, layer by layer
 *                 (dLLM-Cache)
 * </pre>
 *
 * <p>With a refresh in every step each of them equals the exact sampler, token for token. What is
 * committed in a step is another question: see {@code llada.diffusion.commit}.
 *
 * <p>Open first: {@link llada.diffusion.cache.CachePolicy}, then {@link
 * llada.diffusion.cache.DualCache}.
 */
package llada.diffusion.cache;
