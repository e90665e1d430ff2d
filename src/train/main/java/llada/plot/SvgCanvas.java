package llada.plot;

import java.util.Locale;

/** SVG text, with lighter lines on a dark ground for readers who ask for that. */
final class SvgCanvas implements Canvas {
  private static final String DARK =
      """
      <style>@media (prefers-color-scheme: dark) {
      [fill="#ffffff"] { fill: #1b1b1b } [stroke="#dddddd"] { stroke: #444444 }
      [fill="#000000"], [fill="#444444"], [fill="#333333"] { fill: #dddddd }
      [stroke="#333333"] { stroke: #dddddd }
      }</style>
      """;

  private final StringBuilder out = new StringBuilder();
  private int top; // of what is drawn

  SvgCanvas(int width, int height) {
    out.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ")
        .append(width)
        .append(' ')
        .append(height)
        .append("\" font-family=\"sans-serif\" font-size=\"12\">\n")
        .append(DARK);
    rectangle(0, 0, width, height, "#ffffff");
  }

  /** Goes on below. */
  void down(int height) {
    top += height;
  }

  private void add(String format, Object... values) {
    out.append(String.format(Locale.ROOT, format, values)).append('\n');
  }

  @Override
  public void rectangle(double x, double y, double width, double height, String colour) {
    add(
        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>",
        x, top + y, width, height, colour);
  }

  @Override
  public void path(double[] x, double[] y, String colour, double width) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < x.length; i++) {
      points.append(
          String.format(Locale.ROOT, i == 0 ? "%.1f,%.1f" : " %.1f,%.1f", x[i], top + y[i]));
    }
    add(
        "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\" points=\"%s\"/>",
        colour, width, points);
  }

  @Override
  public void dot(double x, double y, double radius, String colour) {
    add("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>", x, top + y, radius, colour);
  }

  @Override
  public void text(double x, double y, String text, Anchor anchor, String colour) {
    String escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    add(
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>",
        x, top + y, anchor.name().toLowerCase(Locale.ROOT), colour, escaped);
  }

  String svg() {
    return out + "</svg>\n";
  }
}
