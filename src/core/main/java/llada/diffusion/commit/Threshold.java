package llada.diffusion.commit;

/**
 * Fast-dLLM's confidence threshold (Wu et al. 2025, arXiv 2505.22618, sec. 3.3): a step commits
 * every proposal with a confidence of at least {@code tau} (as its code has it; above, says the
 * paper), and always the best one.
 *
 * <p>Tokens committed together are drawn from their marginals. The paper's theorem 1: if each of n
 * tokens has a confidence above 1 - eps, and (n + 1) eps is at most 1, then taking the likeliest of
 * each gives the likeliest of all together.
 *
 * @param tau from 0 to 1; 0.9 as published, with blocks of 32
 */
public record Threshold(double tau) implements CommitRule {
  /** Published. */
  public static final double TAU = 0.9;

  /** Checks the threshold. */
  public Threshold {
    Rules.within("the confidence threshold", tau, 0, 1);
  }

  @Override
  public void choose(Candidates candidates, Choice choice) {
    int[] order = candidates.ranked();
    for (int i = 0; i < order.length; i++) {
      boolean sure =
          candidates.confidence()[order[i]] >= tau
              && candidates.score()[order[i]] != Double.NEGATIVE_INFINITY;
      if (i == 0 || sure) {
        choice.commit(order[i]);
      }
    }
  }
}
