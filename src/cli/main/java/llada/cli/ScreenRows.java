package llada.cli;

import java.util.ArrayList;
import java.util.List;
import llada.api.Step;
import org.jline.utils.WCWidth;

/** Breaks styled text into rows of a terminal; every row carries its own styles to its end. */
final class ScreenRows {
  private static final String RESET = "\u001b[0m";

  private final int columns;
  private final boolean colour;
  private final List<String> rows = new ArrayList<>();
  private final StringBuilder row = new StringBuilder();
  private int width;
  private int newestRow;

  /**
   * Starts with one empty row.
   *
   * @param columns the width to fill; one less than the terminal's, whose last column may wrap
   * @param colour whether to write styles
   */
  ScreenRows(int columns, boolean colour) {
    this.columns = Math.max(1, columns);
    this.colour = colour;
  }

  /** Appends a piece. */
  void add(Step.Piece piece) {
    String style = colour ? style(piece.state()) : "";
    row.append(style);
    piece.text().codePoints().forEach(c -> add(c, style));
    if (!style.isEmpty()) {
      row.append(RESET);
    }
    if (piece.state() == Step.State.NEW) {
      newestRow = rows.size();
    }
  }

  private void add(int codePoint, String style) {
    int cells = codePoint == '\n' ? 0 : Math.max(0, WCWidth.wcwidth(codePoint));
    if (codePoint == '\n' || width + cells > columns) {
      if (!style.isEmpty()) {
        row.append(RESET);
      }
      rows.add(row.toString());
      row.setLength(0);
      row.append(style);
      width = 0;
    }
    if (codePoint != '\n') {
      row.appendCodePoint(codePoint);
      width += cells;
    }
  }

  private static String style(Step.State state) {
    return switch (state) {
      case NEW -> "\u001b[1;32m";
      case MASKED, END -> "\u001b[2m";
      case KEPT -> "";
    };
  }

  /** At most {@code height} rows, the newest text among them. */
  List<String> window(int height) {
    List<String> all = new ArrayList<>(rows);
    all.add(row.toString());
    if (all.size() <= height) {
      return all;
    }
    int from = Math.clamp(newestRow - height / 2, 0, all.size() - height);
    return all.subList(from, from + height);
  }
}
