package llada.diffusion.commit;

/** Decides what a step commits. A rule keeps no state: what it looks at is given. */
public interface CommitRule {
  /**
   * Chooses among the masks of the current block of one sequence.
   *
   * @param candidates at least one
   * @param choice receives what is committed, best first, and what is taken back
   */
  void choose(Candidates candidates, Choice choice);

  /**
   * Whether a block is finished as soon as nothing in it is masked; else it takes the steps that
   * were planned for it.
   */
  default boolean adaptive() {
    return true;
  }

  /** Whether it may take back a token of the current block that it has committed. */
  default boolean takesBack() {
    return false;
  }

  /** How many divergences from step to step it looks at, see {@link Candidates#divergence}. */
  default int history() {
    return 0;
  }

  /** Whether {@link #finishes} looks at the masks of the whole answer. */
  default boolean readsAnswer() {
    return false;
  }

  /**
   * Whether all masks of a sequence may be filled at once, and nothing is left to do for it.
   *
   * @param answer all of its masks
   */
  default boolean finishes(Candidates answer) {
    return false;
  }
}
