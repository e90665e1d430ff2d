package llada.diffusion.cache;

/**
 * dKV-Cache (Ma et al. 2025, arXiv 2505.15781), variants Decode and PD. Keys and values of a token
 * change most in the step that reveals it, so they enter the cache one step late: a step computes
 * all masks and the tokens that the step before revealed; what was revealed earlier is read.
 *
 * <pre>
 *   step k of a block:
 *     everything                                    if k &lt; 2 or k mod refresh = 0
 *     {i : x[i] = M, or x[i] written in step k - 1} else
 * </pre>
 *
 * <p>As in the published code, each block begins with two full steps. It has PD for another model
 * only, without blocks; here PD is Decode with a prompt that is computed once.
 *
 * @param refresh steps from one refresh to the next; 8 as published for LLaDA
 * @param keepsPrompt whether a refresh leaves the prompt alone after the first (variant PD)
 */
public record DelayedCache(int refresh, boolean keepsPrompt) implements CachePolicy {
  /** Published for LLaDA. */
  public static final int REFRESH = 8;

  /** Variant Decode, as published. */
  public DelayedCache() {
    this(REFRESH, false);
  }

  /** Checks the interval. */
  public DelayedCache {
    Intervals.check("the refresh interval of dKV-Cache", refresh, 1);
  }

  @Override
  public Plan plan(Progress progress) {
    int now = progress.globalStep();
    boolean refreshes = progress.step() < 2 || Intervals.due(progress.step(), refresh);
    if (now == 0 || refreshes && !keepsPrompt) {
      return Plan.ALL;
    }
    int[][] computed = new int[progress.x().length][];
    for (int b = 0; b < computed.length; b++) {
      int sequence = b;
      computed[b] =
          Progress.positions(
              progress.promptLength(),
              progress.x()[b].length,
              i ->
                  refreshes
                      || progress.masked(sequence, i)
                      || progress.changed()[sequence][i] >= now - 1);
    }
    return new Plan(computed);
  }
}
