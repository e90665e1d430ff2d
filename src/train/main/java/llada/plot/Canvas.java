package llada.plot;

/** What a chart is drawn on; x to the right and y down, in pixels. */
interface Canvas {
  /** Where a text's position lies in it. */
  enum Anchor {
    START,
    MIDDLE,
    END
  }

  void rectangle(double x, double y, double width, double height, String colour);

  /** Joined straight lines through these points. */
  void path(double[] x, double[] y, String colour, double width);

  /** The same, dashed. */
  void dashed(double[] x, double[] y, String colour, double width);

  void dot(double x, double y, double radius, String colour);

  void text(double x, double y, String text, Anchor anchor, String colour);
}
