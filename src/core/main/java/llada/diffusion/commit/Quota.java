package llada.diffusion.commit;

/**
 * The published rule (LLaDA, algorithm 5): each step commits its share of the block, the proposals
 * with the highest score; all others are masked again.
 */
public record Quota() implements CommitRule {
  @Override
  public void choose(Candidates candidates, Choice choice) {
    candidates.commitBest(candidates.schedule().quota(), choice);
  }

  @Override
  public boolean adaptive() {
    return false;
  }
}
