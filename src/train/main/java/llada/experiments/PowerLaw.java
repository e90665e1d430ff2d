package llada.experiments;

import java.util.ArrayList;
import java.util.List;

/**
 * L = E + A C^-a of several arms with E and a shared: ln(L - E) falls by a with ln C on parallel
 * lines.
 *
 * @param floor E
 * @param slope a
 * @param intercepts ln A of each arm
 */
record PowerLaw(double floor, double slope, List<Double> intercepts) {
  private static final int GRID = 1000;

  /**
   * One training.
   *
   * @param operations C
   * @param loss L
   */
  record Run(double operations, double loss) {}

  /** Least squares in ln(L - E), E being the best of a grid from 0 to the lowest loss. */
  static PowerLaw fit(List<List<Run>> arms) {
    double least = arms.stream().flatMap(List::stream).mapToDouble(Run::loss).min().orElseThrow();
    PowerLaw best = null;
    double error = Double.POSITIVE_INFINITY;
    for (int i = 0; i < GRID; i++) {
      PowerLaw law = fit(arms, 0.99 * least * i / GRID);
      double own = law.error(arms);
      if (best == null || own < error) {
        best = law;
        error = own;
      }
    }
    return best;
  }

  private static PowerLaw fit(List<List<Run>> arms, double floor) {
    double above = 0;
    double below = 0;
    for (List<Run> arm : arms) {
      double x = arm.stream().mapToDouble(r -> Math.log(r.operations)).average().orElseThrow();
      double y = arm.stream().mapToDouble(r -> Math.log(r.loss - floor)).average().orElseThrow();
      for (Run run : arm) {
        double dx = Math.log(run.operations) - x;
        above += dx * (Math.log(run.loss - floor) - y);
        below += dx * dx;
      }
    }
    double slope = -above / below;
    List<Double> intercepts = new ArrayList<>();
    for (List<Run> arm : arms) {
      intercepts.add(
          arm.stream()
              .mapToDouble(r -> Math.log(r.loss - floor) + slope * Math.log(r.operations))
              .average()
              .orElseThrow());
    }
    return new PowerLaw(floor, slope, intercepts);
  }

  /** Squared relative errors of the losses themselves, so that all E are measured alike. */
  private double error(List<List<Run>> arms) {
    double sum = 0;
    for (int i = 0; i < arms.size(); i++) {
      for (Run run : arms.get(i)) {
        double law = floor + Math.exp(intercepts.get(i) - slope * Math.log(run.operations));
        sum += (law / run.loss - 1) * (law / run.loss - 1);
      }
    }
    return sum;
  }

  /** The slope of one arm alone. */
  static double slope(List<Run> arm, double floor) {
    return fit(List.of(arm), floor).slope;
  }

  /** ln of how many times the operations the first arm needs for the loss of the second. */
  double lnShift() {
    return (intercepts.getFirst() - intercepts.getLast()) / slope;
  }
}
