package llada.experiments;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.backend.Backend;

/**
 * The learning rate of each arm: that of a few with the lowest mean loss, over seeds of which
 * nothing else is reported.
 */
final class Tuning {
  /** Rates that are tried. */
  static final List<Double> RATES = List.of(1e-3, 2e-3, 4e-3);

  /** Seeds of the trials. */
  static final List<Long> SEEDS = List.of(900L, 901L);

  private static final String LOSS = "loss";

  private Tuning() {}

  /** A shorter training of an arm. */
  interface Trial {
    /**
     * The loss at its end.
     *
     * @throws SmallModel.Diverged if it is no number
     */
    double loss(double rate, long seed, Backend backend);
  }

  static List<Job> jobs(Map<String, Trial> trials) {
    List<Job> jobs = new ArrayList<>();
    trials.forEach(
        (arm, trial) -> {
          for (double rate : RATES) {
            for (long seed : SEEDS) {
              jobs.add(
                  new Job(
                      arm + " rate " + rate,
                      seed,
                      (backend, rows) -> rows.add(LOSS, loss(trial, rate, seed, backend))));
            }
          }
        });
    return jobs;
  }

  private static double loss(Trial trial, double rate, long seed, Backend backend) {
    try {
      return trial.loss(rate, seed, backend);
    } catch (SmallModel.Diverged _) { // another rate is better
      return Double.POSITIVE_INFINITY;
    }
  }

  /** How a report tells a chosen rate. */
  static String text(double rate) {
    boolean edge = rate == RATES.getFirst() || rate == RATES.getLast();
    return "%s, of %s by the loss of seeds %s%s"
        .formatted(rate, RATES, SEEDS, edge ? ", at the edge of what was tried" : "");
  }

  /** The best rate of each arm; of equals the lowest. */
  static Map<String, Double> choose(Iterable<String> arms, Results results) {
    Map<String, Double> chosen = new LinkedHashMap<>();
    for (String arm : arms) {
      double least = Double.POSITIVE_INFINITY;
      for (double rate : RATES) {
        double loss = results.of(arm + " rate " + rate, LOSS).mean();
        if (loss < least) {
          least = loss;
          chosen.put(arm, rate);
        }
      }
    }
    return chosen;
  }
}
