package llada.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import llada.format.SvgPlot;

/**
 * A drawing of a {@link LossLog}: losses as dots, their running mean and the validation as lines.
 */
public final class LossPlot {
  private static final int MOST_POINTS = 2000;
  private static final String TRAINING = "#1f5fa8";
  private static final String VALIDATION = "#c0392b";

  private LossPlot() {}

  /**
   * Writes an SVG file.
   *
   * @throws llada.format.FormatException if it cannot be written
   */
  public static void write(Path file, LossLog log) {
    plot(log.losses(), log.validations()).write(file);
  }

  static String svg(List<double[]> losses, List<double[]> validations) {
    return plot(losses, validations).svg();
  }

  private static SvgPlot plot(List<double[]> losses, List<double[]> validations) {
    double lastStep = 1;
    double most = 0.1;
    double[] sorted = losses.stream().mapToDouble(p -> p[1]).sorted().toArray();
    if (sorted.length > 0) {
      lastStep = losses.getLast()[0];
      most = Math.max(most, sorted[(int) (0.99 * (sorted.length - 1))]); // the odd peak is cut
    }
    for (double[] point : validations) {
      most = Math.max(most, point[1]);
    }
    most *= 1.05;
    SvgPlot plot =
        new SvgPlot(new SvgPlot.Axis(0, lastStep, false), new SvgPlot.Axis(0, most, false));
    plot.axes(
        step -> String.format(Locale.ROOT, "%.0f", step),
        loss -> String.format(Locale.ROOT, "%.2f", loss),
        "steps");
    int stride = Math.max(1, losses.size() / MOST_POINTS);
    for (int i = 0; i < losses.size(); i += stride) {
      double[] p = losses.get(i);
      if (p[1] <= most) {
        plot.dot(p[0], p[1], 1.2, "#9ab8d8");
      }
    }
    plot.line(smooth(losses), TRAINING);
    plot.line(validations, VALIDATION);
    plot.legend(0, "training loss", TRAINING);
    plot.legend(110, "validation bound, nats per token", VALIDATION);
    return plot;
  }

  /** A running mean over a fiftieth of the run. */
  private static List<double[]> smooth(List<double[]> points) {
    List<double[]> mean = new ArrayList<>();
    int window = Math.max(1, points.size() / 50);
    double sum = 0;
    int stride = Math.max(1, points.size() / MOST_POINTS);
    for (int i = 0; i < points.size(); i++) {
      sum += points.get(i)[1] - (i >= window ? points.get(i - window)[1] : 0);
      if (i >= window - 1 && i % stride == 0) {
        mean.add(new double[] {points.get(i)[0], sum / window});
      }
    }
    return mean;
  }
}
