package llada.plot;

import java.util.List;

/**
 * Points of a chart that belong together.
 *
 * @param name in the legend; empty for none
 * @param points in the order of their x
 * @param style how they are drawn
 */
public record Series(String name, List<Point> points, Style style) {
  /** How points are drawn. */
  public enum Style {
    /** Joined, with a dot and an interval each. */
    LINE,
    /** Joined and nothing else: many points. */
    CURVE,
    /** Joined by dashes, in grey: a floor, a ceiling, or what a shortcut would reach. */
    REFERENCE,
    /** Small pale dots: many points. */
    DOTS,
    /** Dots with the name beside each, and not in the legend. */
    NAMED
  }

  /**
   * A point with its interval.
   *
   * @param x in a chart with categories, the number of one, from 0
   * @param low equal to y where there is no interval
   * @param high equal to y where there is no interval
   */
  public record Point(double x, double y, double low, double high) {
    /** A point without an interval. */
    public Point(double x, double y) {
      this(x, y, y, y);
    }
  }

  public Series {
    points = List.copyOf(points);
  }

  /** A line with dots and intervals. */
  public static Series line(String name, List<Point> points) {
    return new Series(name, points, Style.LINE);
  }

  /** A dashed line of reference. */
  public static Series reference(String name, List<Point> points) {
    return new Series(name, points, Style.REFERENCE);
  }

  /** A dashed line of reference at one height. */
  public static Series reference(String name, double fromX, double toX, double y) {
    return reference(name, List.of(new Point(fromX, y), new Point(toX, y)));
  }
}
