package llada.diffusion.cache;

/**
 * Fast-dLLM's dual cache (Wu et al. 2025, arXiv 2505.22618, sec. 3.2). The first step of a block
 * computes everything; the others compute the B positions of the current block only. Keys and
 * values before it (prompt and finished blocks) and behind it (masks) stay as that first step left
 * them; the block's own are written over.
 *
 * <pre>
 *   step 0 of a block:  T positions
 *   other steps:        B positions, which see T keys
 * </pre>
 *
 * <p>The paper finds blocks of 32 the best trade between speed and quality.
 *
 * @param refresh compute everything again after so many steps of a block; 0, as published, only at
 *     its start
 */
public record DualCache(int refresh) implements CachePolicy {
  /** As published. */
  public DualCache() {
    this(0);
  }

  /** Checks the interval. */
  public DualCache {
    Intervals.check("the refresh interval of the dual cache", refresh, 0);
  }

  @Override
  public Plan plan(Progress progress) {
    return Intervals.due(progress.step(), refresh)
        ? Plan.ALL
        : progress.range(progress.blockStart(), progress.blockEnd());
  }
}
