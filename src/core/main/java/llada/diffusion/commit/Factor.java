package llada.diffusion.commit;

/**
 * Fast-dLLM's factor rule (Wu et al. 2025, arXiv 2505.22618, sec. 3.3 and algorithm 1): with
 * confidences sorted, c1 at least c2 and so on, a step commits the largest n with
 *
 * <pre>
 *   c_n &gt;= 1 - f / (n + 1)        (n + 1) (1 - c_n) &lt; f in the paper
 * </pre>
 *
 * found as its code has it, going down the sorted list while that holds; the first always passes.
 * The surer the proposals, the more of them go together.
 *
 * @param f 1 in most ports of it; larger is faster and coarser
 */
public record Factor(double f) implements CommitRule {
  /** The usual factor. */
  public static final double F = 1;

  /** Checks the factor. */
  public Factor {
    Rules.positive("the factor", f);
  }

  @Override
  public void choose(Candidates candidates, Choice choice) {
    int[] order = candidates.ranked();
    for (int n = 1; n <= order.length; n++) {
      int i = order[n - 1];
      boolean passes = candidates.confidence()[i] >= 1 - f / (n + 1);
      if (n > 1 && !(passes && candidates.score()[i] != Double.NEGATIVE_INFINITY)) {
        return;
      }
      choice.commit(i);
    }
  }
}
