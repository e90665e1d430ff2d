package llada.experiments;

import llada.backend.Backend;
import llada.evaluation.Proportion;

/**
 * One arm with one seed. Jobs are independent of each other and run side by side, each on one
 * thread: for networks this small that is faster than sharing the threads of every operation.
 *
 * @param arm what is varied
 * @param seed of weights, data and masks
 * @param work computes
 */
public record Job(String arm, long seed, Work work) {
  /** What a job does. */
  public interface Work {
    /**
     * Computes the rows of the job.
     *
     * @param backend of this job alone
     * @param rows takes them
     */
    void run(Backend backend, Rows rows);
  }

  /** Takes what was measured. */
  public interface Rows {
    /**
     * A number.
     *
     * @param measure what it is
     * @param x under which condition; empty if there is none
     */
    void add(String measure, String x, double value);

    /** A number under a numeric condition. */
    default void add(String measure, double x, double value) {
      add(measure, Double.toString(x).replaceAll("\\.0$", ""), value);
    }

    /** A share that was counted, with the trials behind it. */
    default void add(String measure, Object x, Proportion share) {
      add(measure, x.toString(), share.value());
      add(measure + Results.TRIALS, x.toString(), (double) share.trials());
    }

    /** A number without a condition. */
    default void add(String measure, double value) {
      add(measure, "", value);
    }
  }
}
