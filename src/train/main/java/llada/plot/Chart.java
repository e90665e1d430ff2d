package llada.plot;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import llada.format.AtomicFile;

/**
 * A chart: lines over numbers, or bars over categories, with intervals where points have them.
 *
 * @param title above it
 * @param xLabel below it
 * @param yLabel above the y-axis
 * @param logX whether x grows by factors; then all x are positive
 * @param categories names along x, with bars above them; empty for a chart of lines
 * @param series what is drawn
 * @param yMax the largest y shown; NaN for all
 * @param logY whether y grows by factors; then what is not positive is drawn at the bottom
 */
public record Chart(
    String title,
    String xLabel,
    String yLabel,
    boolean logX,
    List<String> categories,
    List<Series> series,
    double yMax,
    boolean logY) {
  /** Colours that stay apart for colour-blind readers, too (Okabe and Ito). */
  private static final String[] COLOURS = {
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333", "#8c6d31"
  };

  private static final String GREY = "#777777";
  private static final int WIDTH = 720;
  private static final int HEIGHT = 400;
  private static final int LEFT = 64;
  private static final int RIGHT = 20;
  private static final int TOP = 66;
  private static final int BOTTOM = 48;

  public Chart {
    categories = List.copyOf(categories);
    series = List.copyOf(series);
  }

  /** Lines over numbers. */
  public static Chart lines(
      String title, String xLabel, String yLabel, boolean logX, List<Series> series) {
    return new Chart(title, xLabel, yLabel, logX, List.of(), series, Double.NaN, false);
  }

  /** Bars over categories. */
  public static Chart bars(
      String title, String yLabel, List<String> categories, List<Series> series) {
    return new Chart(title, "", yLabel, false, categories, series, Double.NaN, false);
  }

  /** The same, cut off at this y. */
  public Chart upTo(double max) {
    return new Chart(title, xLabel, yLabel, logX, categories, series, max, logY);
  }

  /** The same with a y-axis that grows by factors. */
  public Chart withLogY() {
    return new Chart(title, xLabel, yLabel, logX, categories, series, yMax, true);
  }

  /**
   * In words, for readers who do not see it: what is drawn, and where each line begins and ends.
   */
  public String alt() {
    StringBuilder text = new StringBuilder(title);
    text.append(". ").append(categories.isEmpty() ? "Lines of " : "Bars of ").append(yLabel);
    text.append(categories.isEmpty() ? " by " + xLabel : " for " + String.join(", ", categories));
    for (Series drawn : series) {
      if (!drawn.name().isEmpty() && !drawn.points().isEmpty()) {
        Series.Point first = drawn.points().getFirst();
        Series.Point last = drawn.points().getLast();
        text.append("; ").append(drawn.name()).append(' ').append(number(first.y()));
        text.append(drawn.points().size() > 1 ? " to " + number(last.y()) : "");
      }
    }
    return text.append('.').toString().replaceAll("[\\[\\]\n]", " ");
  }

  /** The same, of shares: it ends at 1, whatever an interval says. */
  public Chart ofShares() {
    return upTo(1.02); // a line at 1 is seen whole
  }

  /** As SVG text. */
  public String svg() {
    return svg(List.of(this));
  }

  /** Some charts as SVG text, one below the other. */
  public static String svg(List<Chart> charts) {
    SvgCanvas canvas =
        new SvgCanvas(
            WIDTH,
            charts.size() * HEIGHT,
            charts.stream().map(Chart::alt).collect(Collectors.joining(" ")));
    for (Chart chart : charts) {
      chart.draw(canvas);
      canvas.down(HEIGHT);
    }
    return canvas.svg();
  }

  /**
   * As a PNG file's content.
   *
   * @throws UnsupportedOperationException if this Java has no graphics or the system no font
   */
  public byte[] png() {
    try {
      PngCanvas canvas = new PngCanvas(WIDTH, HEIGHT);
      draw(canvas);
      return canvas.png();
    } catch (LinkageError | InternalError | RuntimeException e) { // whatever AWT says about fonts
      throw new UnsupportedOperationException(
          "this Java draws no text (%s); install fontconfig and a font, such as the packages fontconfig and fonts-dejavu-core"
              .formatted(e.getMessage()),
          e);
    }
  }

  /**
   * Writes {@link #svg} to a file.
   *
   * @throws llada.format.FormatException if it cannot be written
   */
  public void writeSvg(Path file) {
    byte[] bytes = svg().getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, bytes);
  }

  /**
   * Writes {@link #png} to a file.
   *
   * @throws llada.format.FormatException if it cannot be written
   * @throws UnsupportedOperationException see {@link #png}
   */
  public void writePng(Path file) {
    byte[] bytes = png();
    AtomicFile.write(file, bytes);
  }

  private void draw(Canvas canvas) {
    Axis x = xAxis();
    Axis y = yAxis();
    canvas.text(WIDTH / 2.0, 20, title, Canvas.Anchor.MIDDLE, "#000000");
    canvas.text(8, TOP - 4, yLabel, Canvas.Anchor.START, "#444444");
    canvas.text(WIDTH / 2.0, HEIGHT - 10, xLabel, Canvas.Anchor.MIDDLE, "#444444");
    for (double tick : y.ticks()) {
      double at = y.at(tick);
      canvas.path(new double[] {LEFT, WIDTH - RIGHT}, new double[] {at, at}, "#dddddd", 1);
      canvas.text(LEFT - 6, at + 4, number(tick), Canvas.Anchor.END, "#444444");
    }
    if (categories.isEmpty()) {
      for (double tick : x.ticks()) {
        canvas.text(
            x.at(tick), HEIGHT - BOTTOM + 18, number(tick), Canvas.Anchor.MIDDLE, "#444444");
      }
    }
    for (int i = 0; i < categories.size(); i++) {
      canvas.text(
          x.at(i), HEIGHT - BOTTOM + 18, categories.get(i), Canvas.Anchor.MIDDLE, "#444444");
    }
    for (int s = 0; s < series.size(); s++) {
      if (categories.isEmpty()) {
        lines(canvas, x, y, series.get(s), colour(s));
      } else {
        bars(canvas, x, y, s);
      }
    }
    legend(canvas);
  }

  private void lines(Canvas canvas, Axis x, Axis y, Series drawn, String colour) {
    List<Series.Point> points = drawn.points();
    if (drawn.style() == Series.Style.DOTS) {
      for (Series.Point p : points) {
        if (p.y() <= y.max) {
          canvas.dot(x.at(p.x()), y.at(p.y()), 1.2, "#a9c4dd");
        }
      }
      return;
    }
    if (drawn.style() == Series.Style.NAMED) {
      for (Series.Point p : points) {
        canvas.dot(x.at(p.x()), y.at(p.y()), 4, COLOURS[0]);
        canvas.text(x.at(p.x()) + 7, y.at(p.y()) - 6, drawn.name(), Canvas.Anchor.START, "#444444");
      }
      return;
    }
    if (drawn.style() == Series.Style.REFERENCE) {
      canvas.dashed(
          points.stream().mapToDouble(p -> x.at(p.x())).toArray(),
          points.stream().mapToDouble(p -> y.at(p.y())).toArray(),
          colour,
          1.5);
      return;
    }
    if (points.size() > 1) {
      canvas.path(
          points.stream().mapToDouble(p -> x.at(p.x())).toArray(),
          points.stream().mapToDouble(p -> y.at(p.y())).toArray(),
          colour,
          2);
    }
    if (drawn.style() == Series.Style.LINE) {
      for (Series.Point p : points) {
        canvas.dot(x.at(p.x()), y.at(p.y()), 3.5, colour);
        interval(canvas, x.at(p.x()), y, p, colour);
      }
    }
  }

  private String colour(int s) {
    return series.get(s).style() == Series.Style.REFERENCE ? GREY : COLOURS[s % COLOURS.length];
  }

  private void bars(Canvas canvas, Axis x, Axis y, int s) {
    double slot = x.at(1) - x.at(0);
    double width = 0.8 * slot / series.size();
    for (Series.Point p : series.get(s).points()) {
      double left = x.at(p.x()) - 0.4 * slot + s * width;
      double zero = y.at(Math.max(0, y.min));
      double top = y.at(p.y());
      canvas.rectangle(
          left,
          Math.min(top, zero),
          0.94 * width,
          Math.abs(zero - top),
          COLOURS[s % COLOURS.length]);
      interval(canvas, left + 0.47 * width, y, p, "#333333");
    }
  }

  private static void interval(Canvas canvas, double x, Axis y, Series.Point p, String colour) {
    if (p.low() < p.high()) {
      double low = y.at(p.low());
      double high = y.at(p.high());
      canvas.path(new double[] {x, x}, new double[] {low, high}, colour, 1.2);
      canvas.path(new double[] {x - 4, x + 4}, new double[] {low, low}, colour, 1.2);
      canvas.path(new double[] {x - 4, x + 4}, new double[] {high, high}, colour, 1.2);
    }
  }

  private void legend(Canvas canvas) {
    double at = LEFT;
    int down = 0;
    for (int s = 0; s < series.size(); s++) {
      if (!series.get(s).name().isEmpty() && series.get(s).style() != Series.Style.NAMED) {
        double width = 17 + 7.0 * series.get(s).name().length() + 18;
        if (at > LEFT && at + width > WIDTH) { // a second row, above the plot
          at = LEFT;
          down += 14;
        }
        canvas.rectangle(at, 27 + down, 12, 12, colour(s));
        canvas.text(at + 17, 37 + down, series.get(s).name(), Canvas.Anchor.START, "#000000");
        at += width;
      }
    }
  }

  private Axis xAxis() {
    if (!categories.isEmpty()) {
      return new Axis(-0.5, categories.size() - 0.5, false, LEFT, WIDTH - RIGHT);
    }
    double min = Double.POSITIVE_INFINITY;
    double max = Double.NEGATIVE_INFINITY;
    for (Series drawn : series) {
      for (Series.Point p : drawn.points()) {
        min = Math.min(min, p.x());
        max = Math.max(max, p.x());
      }
    }
    if (!(min < max)) { // one x or none
      double only = Double.isFinite(min) ? min : 1;
      return new Axis(logX ? only / 2 : only - 1, logX ? only * 2 : only + 1, logX, LEFT, WIDTH);
    }
    double margin = logX ? Math.pow(max / min, 0.03) : 0.03 * (max - min);
    return new Axis(
        logX ? min / margin : min - margin,
        logX ? max * margin : max + margin,
        logX,
        LEFT,
        WIDTH - RIGHT);
  }

  private Axis yAxis() {
    double min = 0;
    double max = Double.NEGATIVE_INFINITY;
    for (Series drawn : series) {
      for (Series.Point p : drawn.points()) {
        // Of what is not negative an interval ends at 0.
        min = Math.min(min, p.y() < 0 ? p.low() : 0);
        max = Math.max(max, p.high());
      }
    }
    if (logY) {
      return logY(max);
    }
    double top = Double.isNaN(yMax) ? max : yMax;
    if (!(top > min) || !Double.isFinite(top)) {
      top = min + 1;
    }
    return new Axis(
        min < 0 ? 1.05 * min : 0,
        Double.isNaN(yMax) ? 1.05 * top : top,
        false,
        HEIGHT - BOTTOM,
        TOP);
  }

  private Axis logY(double max) {
    double least =
        series.stream()
            .flatMap(drawn -> drawn.points().stream())
            .mapToDouble(p -> p.low() > 0 ? p.low() : p.y())
            .filter(v -> v > 0)
            .min()
            .orElse(1);
    double top = Double.isNaN(yMax) ? max : yMax;
    return new Axis(least / 1.1, top > least ? 1.1 * top : 10 * least, true, HEIGHT - BOTTOM, TOP);
  }

  /** From values to pixels. */
  private record Axis(double min, double max, boolean log, double from, double to) {
    double at(double value) {
      double v = Math.max(min, Math.min(max, value));
      double share = log ? Math.log(v / min) / Math.log(max / min) : (v - min) / (max - min);
      return from + share * (to - from);
    }

    /** Round numbers, about six; on a logarithmic axis powers of 2 or of 10. */
    List<Double> ticks() {
      List<Double> ticks = new ArrayList<>();
      if (log) {
        double base = max / min > 3000 ? 10 : 2;
        for (double tick = Math.pow(base, Math.ceil(Math.log(min) / Math.log(base)));
            tick <= max;
            tick *= base) {
          ticks.add(tick);
        }
        return ticks;
      }
      double raw = (max - min) / 6;
      double power = Math.pow(10, Math.floor(Math.log10(raw)));
      double step = raw / power > 5 ? 10 * power : raw / power > 2 ? 5 * power : 2 * power;
      for (double i = Math.ceil(min / step); i * step <= max; i++) {
        ticks.add(i * step);
      }
      return ticks;
    }
  }

  /** As short as possible. */
  private static String number(double value) {
    if (Math.abs(value) >= 1e6 || value != 0 && Math.abs(value) < 1e-3) {
      return String.format(Locale.ROOT, "%.1e", value).replace(".0e", "e");
    }
    String text = String.format(Locale.ROOT, "%.4f", value);
    return text.replaceAll("\\.?0+$", "").replaceAll("^-0$", "0");
  }
}
