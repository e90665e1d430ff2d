package llada.diffusion;

/** Watches a generation step by step. */
@FunctionalInterface
public interface StepListener {
  /** Watches nothing. */
  StepListener NONE = step -> {};

  /** Called after each step, on the generating thread. */
  void step(Step step);

  /**
   * One step of the reverse process. Arrays belong to the sampler: copy what is kept.
   *
   * @param block from 0
   * @param step within the block, from 0
   * @param totalSteps of the whole generation
   * @param x (B, T) tokens after the step
   * @param revealed (B, n) the positions filled in this step, best first
   * @param confidence (B, T) scores; minus infinity where a position was no candidate
   * @param x0 (B, T) the proposals; the present token where nothing was proposed
   */
  record Step(
      int block,
      int step,
      int totalSteps,
      int[][] x,
      int[][] revealed,
      double[][] confidence,
      int[][] x0) {}
}
