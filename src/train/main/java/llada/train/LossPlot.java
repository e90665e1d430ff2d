package llada.train;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import llada.format.AtomicFile;
import llada.plot.Chart;
import llada.plot.Series;
import llada.plot.Series.Point;
import llada.plot.Series.Style;

/**
 * A drawing of a {@link LossLog}, one chart below the other: losses as dots with their running mean
 * and the validation; the cross-entropy by share of masked tokens; the gradients' norm; the rate.
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
    AtomicFile.write(file, Chart.svg(charts(log)).getBytes(StandardCharsets.UTF_8));
  }

  private static List<Chart> charts(LossLog log) {
    List<Chart> charts = new ArrayList<>();
    List<Point> losses = log.column(LossLog.LOSS);
    List<Point> bounds = log.column(LossLog.VALIDATION);
    charts.add(
        chart(
            "nats per token",
            Math.max(usual(losses), most(bounds)),
            List.of(
                new Series("", thin(losses), Style.DOTS),
                new Series("training loss", thin(smooth(losses, 50)), Style.CURVE),
                new Series("validation bound, nats per token", bounds, Style.LINE))));
    List<Series> byNoise = new ArrayList<>();
    double highest = 0;
    for (int range = 0; range < LossByNoise.RANGES; range++) {
      List<Point> mean = smooth(log.column(LossLog.BY_NOISE + range), 10);
      highest = Math.max(highest, usual(mean));
      String name = "t %.1f to %.1f".formatted(range / 5.0, (range + 1) / 5.0);
      byNoise.add(new Series(name, thin(mean), Style.CURVE));
    }
    if (highest > 0) {
      charts.add(chart("nats per masked token, by the share t that is masked", highest, byNoise));
    }
    List<Point> norms = log.column(LossLog.NORM);
    charts.add(
        chart(
            "norm of the gradients, before clipping",
            usual(norms),
            List.of(
                new Series("", thin(norms), Style.DOTS),
                new Series("", thin(smooth(norms, 50)), Style.CURVE))));
    List<Point> rates = log.column(LossLog.RATE);
    charts.add(
        chart("learning rate", most(rates), List.of(new Series("", thin(rates), Style.CURVE))));
    return charts;
  }

  private static Chart chart(String label, double most, List<Series> series) {
    return Chart.lines("", "steps", label, false, series).upTo(1.05 * most);
  }

  private static double most(List<Point> points) {
    return points.stream().mapToDouble(Point::y).max().orElse(0);
  }

  /** The largest but for the odd peak, which is cut. */
  private static double usual(List<Point> points) {
    double[] sorted = points.stream().mapToDouble(Point::y).sorted().toArray();
    return sorted.length == 0 ? 0 : sorted[(int) (0.99 * (sorted.length - 1))];
  }

  private static List<Point> thin(List<Point> all) {
    int stride = Math.max(1, all.size() / MOST_POINTS);
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < all.size(); i += stride) {
      points.add(all.get(i));
    }
    return points;
  }

  /** A running mean over a part of the run. */
  private static List<Point> smooth(List<Point> points, int parts) {
    List<Point> mean = new ArrayList<>();
    int window = Math.max(1, points.size() / parts);
    double sum = 0;
    for (int i = 0; i < points.size(); i++) {
      sum += points.get(i).y() - (i >= window ? points.get(i - window).y() : 0);
      if (i >= window - 1) {
        mean.add(new Point(points.get(i).x(), sum / window));
      }
    }
    return mean;
  }
}
