package llada.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import llada.plot.Chart;
import llada.plot.Series;
import llada.plot.Series.Point;
import llada.plot.Series.Style;

/**
 * A drawing of a {@link LossLog}: losses as dots, their running mean and the validation as lines.
 */
public final class LossPlot {
  private static final int MOST_POINTS = 2000;

  private LossPlot() {}

  /**
   * Writes an SVG file.
   *
   * @throws llada.format.FormatException if it cannot be written
   */
  public static void write(Path file, LossLog log) {
    chart(log.losses(), log.validations()).writeSvg(file);
  }

  static Chart chart(List<double[]> losses, List<double[]> validations) {
    double most = 0.1;
    double[] sorted = losses.stream().mapToDouble(p -> p[1]).sorted().toArray();
    if (sorted.length > 0) {
      most = Math.max(most, sorted[(int) (0.99 * (sorted.length - 1))]); // the odd peak is cut
    }
    for (double[] point : validations) {
      most = Math.max(most, point[1]);
    }
    int stride = Math.max(1, losses.size() / MOST_POINTS);
    List<Series> series =
        List.of(
            new Series("", points(losses, stride), Style.DOTS),
            new Series("training loss", points(smooth(losses, stride), 1), Style.CURVE),
            new Series("validation bound, nats per token", points(validations, 1), Style.CURVE));
    return Chart.lines("", "steps", "nats per token", false, series).upTo(1.05 * most);
  }

  private static List<Point> points(List<double[]> all, int stride) {
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < all.size(); i += stride) {
      points.add(new Point(all.get(i)[0], all.get(i)[1]));
    }
    return points;
  }

  /** A running mean over a fiftieth of the run. */
  private static List<double[]> smooth(List<double[]> points, int stride) {
    List<double[]> mean = new ArrayList<>();
    int window = Math.max(1, points.size() / 50);
    double sum = 0;
    for (int i = 0; i < points.size(); i++) {
      sum += points.get(i)[1] - (i >= window ? points.get(i - window)[1] : 0);
      if (i >= window - 1 && i % stride == 0) {
        mean.add(new double[] {points.get(i)[0], sum / window});
      }
    }
    return mean;
  }
}
