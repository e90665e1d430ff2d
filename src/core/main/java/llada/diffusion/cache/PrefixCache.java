package llada.diffusion.cache;

/**
 * Fast-dLLM's prefix cache (Wu et al. 2025, arXiv 2505.22618, sec. 3.2). The first step of a block
 * computes everything; the others compute the current block and all masks behind it, and read the
 * keys and values of what lies before, prompt and finished blocks, as that first step left them.
 *
 * <pre>
 *   step 0 of a block:  T positions
 *   other steps:        T - block_start positions, which see T keys
 * </pre>
 *
 * @param refresh compute everything again after so many steps of a block; 0, as published, only at
 *     its start
 */
public record PrefixCache(int refresh) implements CachePolicy {
  /** As published. */
  public PrefixCache() {
    this(0);
  }

  /** Checks the interval. */
  public PrefixCache {
    Intervals.check("the refresh interval of the prefix cache", refresh, 0);
  }

  @Override
  public Plan plan(Progress progress) {
    return Intervals.due(progress.step(), refresh)
        ? Plan.ALL
        : progress.range(progress.blockStart(), progress.x()[0].length);
  }
}
