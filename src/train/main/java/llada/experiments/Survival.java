package llada.experiments;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import llada.plot.Series.Point;

/**
 * How long something takes that may not have happened when the observation ended: the estimate of
 * Kaplan and Meier (1958).
 *
 * @param times of the event, or of the end of the observation
 * @param happened false where the observation ended first
 */
record Survival(double[] times, boolean[] happened) {
  /** Times of which those at or beyond the horizon count as not seen to happen. */
  static Survival until(double[] times, double horizon) {
    double[] seen = Arrays.stream(times).map(t -> Math.min(t, horizon)).toArray();
    boolean[] happened = new boolean[times.length];
    for (int i = 0; i < times.length; i++) {
      happened[i] = times[i] < horizon;
    }
    return new Survival(seen, happened);
  }

  /** The share to which it has not happened yet, as steps: two points at each event. */
  List<Point> curve() {
    List<Point> points = new ArrayList<>(List.of(new Point(0, 1)));
    double share = 1;
    double last = 0;
    for (double t : Arrays.stream(times).sorted().distinct().toArray()) {
      int events = 0;
      int atRisk = 0;
      for (int i = 0; i < times.length; i++) {
        atRisk += times[i] >= t ? 1 : 0;
        events += times[i] == t && happened[i] ? 1 : 0;
      }
      if (events > 0) {
        points.add(new Point(t, share));
        share *= 1 - (double) events / atRisk;
        points.add(new Point(t, share));
      }
      last = t;
    }
    points.add(new Point(last, share));
    return points;
  }

  /** The first time at which it has happened to half of them or more; infinite if never. */
  double median() {
    return curve().stream()
        .filter(p -> p.y() <= 0.5 + 1e-12)
        .mapToDouble(Point::x)
        .findFirst()
        .orElse(Double.POSITIVE_INFINITY);
  }

  /** The median, or that it lies beyond the observation. */
  String medianText() {
    double median = median();
    return Double.isInfinite(median)
        ? "over %.0f".formatted(Arrays.stream(times).max().orElse(0))
        : "%.0f".formatted(median);
  }
}
