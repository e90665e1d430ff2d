package llada.train;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import llada.format.AtomicFile;

/**
 * A drawing of a {@link LossLog}: losses as dots, their running mean and the validation as lines.
 */
public final class LossPlot {
  private static final int WIDTH = 960;
  private static final int HEIGHT = 480;
  private static final int MARGIN = 56;
  private static final int MOST_POINTS = 2000;

  private LossPlot() {}

  /**
   * Writes an SVG file.
   *
   * @throws llada.format.FormatException if it cannot be written
   */
  public static void write(Path file, LossLog log) {
    byte[] bytes = svg(log.losses(), log.validations()).getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, channel -> AtomicFile.writeFully(channel, MemorySegment.ofArray(bytes)));
  }

  static String svg(List<double[]> losses, List<double[]> validations) {
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
    Scale scale = new Scale(lastStep, 1.05 * most);
    StringBuilder out = new StringBuilder();
    out.append(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">%n"
            .formatted(WIDTH, HEIGHT));
    out.append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
    axes(out, scale);
    int stride = Math.max(1, losses.size() / MOST_POINTS);
    for (int i = 0; i < losses.size(); i += stride) {
      double[] p = losses.get(i);
      if (p[1] <= scale.most) {
        out.append(
            String.format(
                Locale.ROOT,
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"1.2\" fill=\"#9ab8d8\"/>%n",
                scale.x(p[0]),
                scale.y(p[1])));
      }
    }
    line(out, scale, smooth(losses), "#1f5fa8");
    line(out, scale, validations, "#c0392b");
    legend(out);
    return out.append("</svg>\n").toString();
  }

  private record Scale(double lastStep, double most) {
    double x(double step) {
      return MARGIN + step / lastStep * (WIDTH - 2.0 * MARGIN);
    }

    double y(double loss) {
      return HEIGHT - MARGIN - Math.min(loss, most) / most * (HEIGHT - 2.0 * MARGIN);
    }
  }

  private static void axes(StringBuilder out, Scale scale) {
    for (int i = 0; i <= 5; i++) {
      double loss = scale.most * i / 5;
      double step = scale.lastStep * i / 5;
      out.append(
          String.format(
              Locale.ROOT,
              "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                  + "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.2f</text>"
                  + "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>%n",
              MARGIN,
              WIDTH - MARGIN,
              scale.y(loss),
              scale.y(loss),
              MARGIN - 6,
              scale.y(loss) + 4,
              loss,
              scale.x(step),
              HEIGHT - MARGIN + 18,
              step));
    }
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

  private static void line(StringBuilder out, Scale scale, List<double[]> points, String colour) {
    if (points.isEmpty()) {
      return;
    }
    out.append("<polyline fill=\"none\" stroke-width=\"2\" stroke=\"").append(colour);
    out.append("\" points=\"");
    for (double[] p : points) {
      out.append(String.format(Locale.ROOT, "%.1f,%.1f ", scale.x(p[0]), scale.y(p[1])));
    }
    out.append("\"/>\n");
  }

  private static void legend(StringBuilder out) {
    out.append("<text x=\"%d\" y=\"24\" fill=\"#1f5fa8\">training loss</text>".formatted(MARGIN));
    out.append(
        "<text x=\"%d\" y=\"24\" fill=\"#c0392b\">validation bound, nats per token</text>"
            .formatted(MARGIN + 110));
    out.append(
        "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">steps</text>%n"
            .formatted(WIDTH / 2, HEIGHT - 14));
  }
}
