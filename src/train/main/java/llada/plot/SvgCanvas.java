package llada.plot;

import java.util.Locale;

/** SVG text, with lighter lines on a dark ground for readers who ask for that. */
final class SvgCanvas implements Canvas {
  /** Ink becomes light and paper dark where the reader has it so; two inks are too dark there. */
  private static final String DARK =
      """
      <style>@media (prefers-color-scheme: dark) {
      svg [fill="#ffffff"] { fill: #16181d } svg [stroke="#dddddd"] { stroke: #444444 }
      svg [fill="#000000"], svg [fill="#444444"], svg [fill="#333333"] { fill: #e6e6e6 }
      svg [stroke="#333333"], svg [stroke="#777777"] { stroke: #c8c8c8 }
      svg [fill="#777777"] { fill: #c8c8c8 }
      svg [fill="#0072b2"] { fill: #4aa8e8 } svg [stroke="#0072b2"] { stroke: #4aa8e8 }
      }</style>
      """;

  private final StringBuilder out = new StringBuilder();
  private int top; // of what is drawn

  /**
   * White paper.
   *
   * @param alt what it shows, for readers who do not see it
   */
  SvgCanvas(int width, int height, String alt) {
    out.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ")
        .append(width)
        .append(' ')
        .append(height)
        .append("\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n<title>")
        .append(Markup.escaped(alt))
        .append("</title>\n")
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
    path(x, y, colour, width, "");
  }

  @Override
  public void dashed(double[] x, double[] y, String colour, double width) {
    path(x, y, colour, width, " stroke-dasharray=\"6 4\"");
  }

  private void path(double[] x, double[] y, String colour, double width, String more) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < x.length; i++) {
      points.append(
          String.format(Locale.ROOT, i == 0 ? "%.1f,%.1f" : " %.1f,%.1f", x[i], top + y[i]));
    }
    add(
        "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\"%s points=\"%s\"/>",
        colour, width, more, points);
  }

  @Override
  public void dot(double x, double y, double radius, String colour) {
    add("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>", x, top + y, radius, colour);
  }

  @Override
  public void text(double x, double y, String text, Anchor anchor, String colour) {
    add(
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>",
        x, top + y, anchor.name().toLowerCase(Locale.ROOT), colour, Markup.escaped(text));
  }

  String svg() {
    return out + "</svg>\n";
  }
}
