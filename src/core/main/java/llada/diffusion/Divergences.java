package llada.diffusion;

import it.unimi.dsi.fastutil.ints.Int2ObjectOpenHashMap;
import java.util.Arrays;
import java.util.function.IntPredicate;

/**
 * How far the distribution of each masked position moved from step to step:
 *
 * <pre>
 *   KL(p_t || p_t-1) = sum_v p_t[v] (ln p_t[v] - ln p_t-1[v])
 * </pre>
 *
 * It keeps the last distribution of every position that was asked about, V numbers each.
 */
final class Divergences {
  private final int history;
  private final double[] row;
  private Int2ObjectOpenHashMap<Past> past = new Int2ObjectOpenHashMap<>();

  private static final class Past {
    float[] logP;
    double[] divergence;
  }

  /** Gives the logits of the r-th row of a step. */
  interface Reader {
    void read(int r, double[] out);
  }

  /**
   * Remembers so many divergences of a position.
   *
   * @param history 0 remembers nothing and costs nothing
   */
  Divergences(int history, int vocabulary) {
    this.history = history;
    this.row = new double[history == 0 ? 0 : vocabulary];
  }

  /**
   * Compares a step's distributions with those of the step before.
   *
   * @param rows positions of the flattened batch
   * @param moves whether the sequence of a row is at work; one that waits for the rest of its batch
   *     keeps what it had, and so does not depend on the others
   */
  void update(Reader logits, int[] rows, IntPredicate moves) {
    if (history == 0) {
      return;
    }
    Int2ObjectOpenHashMap<Past> now = new Int2ObjectOpenHashMap<>();
    past.int2ObjectEntrySet().stream()
        .filter(entry -> !moves.test(entry.getIntKey()))
        .forEach(entry -> now.put(entry.getIntKey(), entry.getValue()));
    for (int r = 0; r < rows.length; r++) {
      if (!moves.test(rows[r])) {
        continue;
      }
      logits.read(r, row);
      Past old = past.get(rows[r]);
      Past fresh = old == null ? new Past() : old;
      double logSum = Softmax.logSumExp(row);
      if (old == null) {
        fresh.logP = new float[row.length];
        fresh.divergence = new double[history];
        Arrays.fill(fresh.divergence, Double.NaN);
      } else {
        System.arraycopy(fresh.divergence, 0, fresh.divergence, 1, history - 1);
        fresh.divergence[0] = divergence(fresh.logP, logSum);
      }
      for (int v = 0; v < row.length; v++) {
        fresh.logP[v] = (float) (row[v] - logSum);
      }
      now.put(rows[r], fresh);
    }
    past = now; // positions left out for a step begin anew
  }

  /** Forgets everything, as when positions move. */
  void clear() {
    past = new Int2ObjectOpenHashMap<>();
  }

  private double divergence(float[] before, double logSum) {
    double sum = 0;
    for (int v = 0; v < row.length; v++) {
      double logP = row[v] - logSum;
      double p = Math.exp(logP);
      if (p > 0) {
        sum += p * (logP - before[v]);
      }
    }
    return sum;
  }

  /** The divergences of a position, latest first; NaN where unknown. */
  double[] of(int position) {
    Past known = past.get(position);
    if (known != null) {
      return known.divergence;
    }
    double[] unknown = new double[history];
    Arrays.fill(unknown, Double.NaN);
    return unknown;
  }
}
