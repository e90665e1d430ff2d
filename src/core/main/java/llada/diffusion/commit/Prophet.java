package llada.diffusion.commit;

/**
 * Prophet (Li et al. 2025, arXiv 2508.19982): a model often knows its answer long before the last
 * step. When the masks are sure enough on average, all of them are filled at once, those of later
 * blocks too, and the generation ends. Sure enough is, with more of the answer filled, ever less:
 *
 * <pre>
 *   mean over all masks of (largest logit - second) &gt;= 7.5   below 33 % filled
 *                                                      5.0   below 67 %
 *                                                      2.5   from there on
 * </pre>
 *
 * <p>The published code averages over five positions where the final answer is expected, and counts
 * steps, the one under way included: with one token a step its thresholds fall one step earlier.
 * The thresholds are raw logits, and so depend on the model. Until then, {@code rule} decides. With
 * a cache that leaves later masks out it can only look in steps that compute them.
 *
 * @param rule what commits tokens until then
 * @param early below a third
 * @param middle below two thirds
 * @param late from there on
 */
public record Prophet(CommitRule rule, double early, double middle, double late)
    implements CommitRule {
  /** With the published thresholds. */
  public Prophet(CommitRule rule) {
    this(rule, 7.5, 5, 2.5);
  }

  @Override
  public void choose(Candidates candidates, Choice choice) {
    rule.choose(candidates, choice);
  }

  @Override
  public boolean readsAnswer() {
    return true;
  }

  @Override
  public boolean finishes(Candidates answer) {
    double sum = 0;
    for (double gap : answer.gap()) {
      sum += gap;
    }
    return sum / answer.size() >= threshold(answer.schedule().progress());
  }

  private double threshold(double progress) {
    if (progress < 0.33) {
      return early;
    }
    return progress < 0.67 ? middle : late;
  }

  @Override
  public boolean adaptive() {
    return rule.adaptive();
  }

  @Override
  public boolean takesBack() {
    return rule.takesBack();
  }

  @Override
  public int history() {
    return rule.history();
  }
}
