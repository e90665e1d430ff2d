package llada.diffusion.commit;

import it.unimi.dsi.fastutil.ints.IntArrays;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;

/**
 * Some masked positions of one sequence with the proposal for each, from left to right.
 *
 * @param position (n) in the sequence
 * @param score (n) what proposals are ranked by; minus infinity for one to be committed last
 * @param confidence (n) p of the proposed token
 * @param entropy (n) of the position's distribution, in nats
 * @param gap (n) largest logit less the second
 * @param divergence (n, history) KL(p_t || p_t-1) of this step, of the one before, and so on; NaN
 *     where a position was not computed in two steps running
 * @param schedule the plan of a fixed number of steps
 * @param settled what former steps filled in
 */
public record Candidates(
    int[] position,
    double[] score,
    double[] confidence,
    double[] entropy,
    double[] gap,
    double[][] divergence,
    Schedule schedule,
    Settled settled) {

  /**
   * The plan of a fixed number of steps.
   *
   * @param quota how many to commit in this step
   * @param step of the block, from 0
   * @param steps of the block
   * @param progress share of the answer that is filled
   */
  public record Schedule(int quota, int step, int steps, double progress) {}

  /**
   * The tokens of the current block that are committed already.
   *
   * @param position (m)
   * @param confidence (m) p of each in the step that committed it
   * @param random uniform numbers in (0, 1), by position
   */
  public record Settled(int[] position, double[] confidence, IntToDoubleFunction random) {}

  /** n. */
  public int size() {
    return position.length;
  }

  /** Indices by score, best first; ties go to the left. */
  public int[] ranked() {
    return ranked(score);
  }

  /** Indices by the values of {@code by}, largest first; ties go to the left. */
  static int[] ranked(double[] by) {
    int[] order = new int[by.length];
    Arrays.setAll(order, i -> i);
    IntArrays.mergeSort(order, (i, j) -> Double.compare(by[j], by[i]));
    return order;
  }

  /** Commits the {@code count} with the highest score, or all. */
  void commitBest(int count, Choice choice) {
    int[] order = ranked();
    for (int i = 0; i < Math.min(count, order.length); i++) {
      choice.commit(order[i]);
    }
  }
}
