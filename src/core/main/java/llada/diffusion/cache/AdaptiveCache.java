package llada.diffusion.cache;

import java.util.Arrays;

/**
 * dLLM-Cache (Liu et al. 2025, arXiv 2506.06295). Prompt and answer are refreshed at intervals of
 * their own. In between, each layer after the first computes the {@code ratio} of the answer's
 * tokens whose values changed most, by cosine similarity with the cached ones, and keeps what
 * attention and feed-forward gave the others: see {@code AdaptiveUpdate} in {@code llada.model}.
 *
 * <pre>
 *   step k:  everything                          if k mod prompt_interval = 0
 *            the answer, in every layer          if k mod gen_interval = 0
 *            the answer in the first layer, ratio of it in the others      else
 * </pre>
 *
 * <p>As published but for one thing: a refresh of the prompt is one of the answer too.
 *
 * @param promptInterval K_p, 25 to 100
 * @param genInterval K_r, 1 to 8
 * @param ratio rho, the share that is computed in between
 */
public record AdaptiveCache(int promptInterval, int genInterval, double ratio)
    implements CachePolicy {
  /** K_p = 100, K_r = 7, rho = 0.25, as published for LLaDA. */
  public AdaptiveCache() {
    this(100, 7, 0.25);
  }

  /** Checks intervals and ratio. */
  public AdaptiveCache {
    Intervals.check("the prompt interval of dLLM-Cache", promptInterval, 1);
    Intervals.check("the generation interval of dLLM-Cache", genInterval, 1);
    if (!(ratio > 0 && ratio <= 1)) {
      throw new IllegalArgumentException(
          "the ratio of dLLM-Cache is %s; it must be above 0 and at most 1".formatted(ratio));
    }
  }

  @Override
  public Plan plan(Progress progress) {
    int now = progress.globalStep();
    if (Intervals.due(now, promptInterval)) {
      return Plan.ALL;
    }
    int[][] computed = new int[progress.x().length][];
    Arrays.fill(
        computed, Progress.positions(progress.promptLength(), progress.x()[0].length, _ -> true));
    return new Plan(computed, Intervals.due(now, genInterval) ? 1 : ratio);
  }

  @Override
  public Keeps keeps() {
    return Keeps.OUTPUTS;
  }
}
