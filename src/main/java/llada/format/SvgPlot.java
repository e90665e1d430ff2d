package llada.format;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;

/** A plot as an SVG file: two axes, dots, lines and words. */
public final class SvgPlot {
  private static final int WIDTH = 960;
  private static final int HEIGHT = 480;
  private static final int MARGIN = 56;

  private final Axis x;
  private final Axis y;
  private final StringBuilder out = new StringBuilder();

  /**
   * One axis.
   *
   * @param from where it begins; above 0 if logarithmic
   * @param to where it ends
   * @param logarithmic whether equal distances are equal ratios
   */
  public record Axis(double from, double to, boolean logarithmic) {
    /** Checks that it has a length. */
    public Axis {
      if (!(to > from) || logarithmic && !(from > 0)) {
        throw new IllegalArgumentException("an axis from %s to %s".formatted(from, to));
      }
    }

    /** From 0 to 1. */
    double share(double value) {
      return logarithmic
          ? Math.log(value / from) / Math.log(to / from)
          : (value - from) / (to - from);
    }

    double at(double share) {
      return logarithmic ? from * Math.pow(to / from, share) : from + share * (to - from);
    }
  }

  /** An empty plot. */
  public SvgPlot(Axis x, Axis y) {
    this.x = x;
    this.y = y;
    add(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">%n",
        WIDTH, HEIGHT);
    out.append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
  }

  private void add(String text, Object... values) {
    out.append(String.format(Locale.ROOT, text, values));
  }

  private double left(double value) {
    return MARGIN + x.share(value) * (WIDTH - 2.0 * MARGIN);
  }

  private double top(double value) {
    return HEIGHT - MARGIN - Math.clamp(y.share(value), 0, 1) * (HEIGHT - 2.0 * MARGIN);
  }

  /** Numbers along both axes, and the name of the horizontal one. */
  public void axes(
      DoubleFunction<String> horizontal, DoubleFunction<String> vertical, String name) {
    for (int i = 0; i <= 5; i++) {
      double at = top(y.at(i / 5.0));
      add(
          "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>",
          MARGIN, WIDTH - MARGIN, at, at);
      add(
          "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
          MARGIN - 6, at + 4, vertical.apply(y.at(i / 5.0)));
      add(
          "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>%n",
          left(x.at(i / 5.0)), HEIGHT - MARGIN + 18, horizontal.apply(x.at(i / 5.0)));
    }
    add(
        "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>%n",
        WIDTH / 2, HEIGHT - 14, escaped(name));
  }

  /** A filled circle. */
  public void dot(double atX, double atY, double radius, String colour) {
    add(
        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>%n",
        left(atX), top(atY), radius, colour);
  }

  /** Words beside a point. */
  public void label(double atX, double atY, String text) {
    add("<text x=\"%.1f\" y=\"%.1f\">%s</text>%n", left(atX) + 7, top(atY) + 4, escaped(text));
  }

  /** A line through points (x, y). */
  public void line(List<double[]> points, String colour) {
    if (points.isEmpty()) {
      return;
    }
    add("<polyline fill=\"none\" stroke-width=\"2\" stroke=\"%s\" points=\"", colour);
    for (double[] p : points) {
      add("%.1f,%.1f ", left(p[0]), top(p[1]));
    }
    out.append("\"/>\n");
  }

  /** Words above the plot, so many units from its left edge. */
  public void legend(int from, String text, String colour) {
    add("<text x=\"%d\" y=\"24\" fill=\"%s\">%s</text>", MARGIN + from, colour, escaped(text));
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  /** The file's content. */
  public String svg() {
    return out + "</svg>\n";
  }

  /**
   * Writes the file.
   *
   * @throws FormatException if it cannot be written
   */
  public void write(Path file) {
    byte[] bytes = svg().getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, channel -> AtomicFile.writeFully(channel, MemorySegment.ofArray(bytes)));
  }
}
