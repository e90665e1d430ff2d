package llada.diffusion.commit;

/**
 * EB-Sampler (Ben-Hamu et al. 2025, arXiv 2505.24857): positions in order of their score, a step
 * commits the largest prefix of k, at least one, with
 *
 * <pre>
 *   sum_{i &lt;= k} H_i - max_{i &lt;= k} H_i &lt;= gamma
 * </pre>
 *
 * where H is the entropy of a position in nats. The left side bounds the error that drawing them
 * from their marginals makes: the mutual information between them.
 *
 * @param gamma 0.001 to 0.1; 0 commits one token a step, or those that are certain
 */
public record EntropyBounded(double gamma) implements CommitRule {
  /** In the middle of the paper's range. */
  public static final double GAMMA = 0.01;

  /** Checks the bound. */
  public EntropyBounded {
    Rules.within("the entropy bound gamma", gamma, 0, Double.MAX_VALUE);
  }

  @Override
  public void choose(Candidates candidates, Choice choice) {
    double sum = 0;
    double most = 0;
    boolean first = true;
    for (int i : candidates.ranked()) {
      double entropy = candidates.entropy()[i];
      sum += entropy;
      most = Math.max(most, entropy);
      boolean passes = sum - most <= gamma && candidates.score()[i] != Double.NEGATIVE_INFINITY;
      if (!first && !passes) {
        return;
      }
      choice.commit(i);
      first = false;
    }
  }
}
