package llada.diffusion.commit;

/**
 * KLASS (Kim et al. 2025, arXiv 2511.05664): a step commits the positions that are sure and stable,
 *
 * <pre>
 *   c &gt; tau  and  KL(p_t || p_t-1) &lt; epsilon in each of the last n steps
 * </pre>
 *
 * and if there are none, its quota of those with the highest score, at least one. The history runs
 * on from block to block, but the first n - 1 steps of a block find nothing stable, as in the
 * published code. With a cache that leaves the next block out, the history begins anew with it.
 *
 * <p>Published for LLaDA, blocks of 64: tau 0.6 and epsilon 0.015 for GSM8K, 0.6 and 0.01 for MATH,
 * 0.9 and 0.01 for HumanEval, 0.7 and 0.01 for MBPP; n = 2.
 *
 * @param tau confidence
 * @param epsilon divergence in nats
 * @param n steps that must have been stable
 */
public record Klass(double tau, double epsilon, int n) implements CommitRule {
  /** The setting for GSM8K. */
  public Klass() {
    this(0.6, 0.015, 2);
  }

  /** Checks the thresholds. */
  public Klass {
    Rules.within("the confidence threshold of KLASS", tau, 0, 1);
    Rules.positive("the divergence threshold of KLASS", epsilon);
    if (n < 1) {
      throw new IllegalArgumentException(
          "the history of KLASS is %d steps; it must be at least 1".formatted(n));
    }
  }

  @Override
  public void choose(Candidates candidates, Choice choice) {
    boolean none = true;
    boolean early = candidates.schedule().step() < n - 1;
    for (int i : candidates.ranked()) {
      if (!early && Rules.sure(candidates, i, tau) && stable(candidates.divergence()[i])) {
        choice.commit(i);
        none = false;
      }
    }
    if (none) {
      candidates.commitBest(Math.max(1, candidates.schedule().quota()), choice);
    }
  }

  private boolean stable(double[] divergence) {
    for (int k = 0; k < n; k++) {
      if (!(divergence[k] < epsilon)) { // NaN is not known
        return false;
      }
    }
    return true;
  }

  @Override
  public int history() {
    return n;
  }
}
