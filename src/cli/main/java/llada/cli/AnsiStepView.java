package llada.cli;

import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/**
 * Draws the answer in place: every step overwrites the last. Newly unmasked text is highlighted,
 * and a bar below counts the steps. An answer taller than the terminal is shown around the newest
 * text.
 *
 * <p>All methods may be called from a shutdown hook while a step is being drawn, so that Ctrl-C
 * never leaves half an escape sequence or a hidden cursor.
 */
final class AnsiStepView implements StepView {
  private static final String RESET = "\u001b[0m";
  private static final String HIDE_CURSOR = "\u001b[?25l";
  private static final String SHOW_CURSOR = "\u001b[?25h";
  private static final String ERASE_TO_LINE_END = "\u001b[K";
  private static final String ERASE_BELOW = "\u001b[J";

  /** The terminal's width and height in characters. */
  record Size(int columns, int rows) {}

  private final AnswerText text;
  private final int promptLength;
  private final PrintStream out;
  private final Supplier<Size> size;
  private final boolean colour;
  private int steps;
  private int drawnRows;
  private boolean closed;

  AnsiStepView(
      AnswerText text, int promptLength, PrintStream out, Supplier<Size> size, boolean colour) {
    this.text = text;
    this.promptLength = promptLength;
    this.out = out;
    this.size = size;
    this.colour = colour;
  }

  @Override
  public synchronized void step(Step step) {
    if (closed) {
      return;
    }
    steps++;
    Size now = size.get();
    ScreenRows screen = new ScreenRows(now.columns() - 1, colour);
    List<AnswerText.Piece> pieces = text.pieces(step.x()[0], promptLength, step.revealed()[0]);
    pieces.forEach(screen::add);
    List<String> rows = screen.window(Math.max(1, now.rows() - 2));
    StringBuilder frame = new StringBuilder(HIDE_CURSOR);
    toTop(frame);
    for (String row : rows) {
      frame.append(row).append(ERASE_TO_LINE_END).append('\n');
    }
    frame
        .append(bar(AnswerText.steps(pieces, steps, step.totalSteps()), now.columns()))
        .append(ERASE_BELOW);
    drawnRows = rows.size() + 1;
    out.print(frame);
    out.flush();
  }

  private void toTop(StringBuilder frame) {
    frame.append('\r');
    if (drawnRows > 1) {
      frame.append("\u001b[").append(drawnRows - 1).append('A');
    }
  }

  private String bar(int totalSteps, int columns) {
    String count = String.format(Locale.ROOT, " step %d/%d", steps, totalSteps);
    int width = Math.min(30, columns - count.length() - 1);
    if (width < 1) {
      return "";
    }
    int full = (int) ((long) width * steps / totalSteps);
    String bar = "━".repeat(full) + "─".repeat(width - full) + count;
    return colour ? "\u001b[2m" + bar + RESET : bar;
  }

  @Override
  public boolean draws() {
    return true;
  }

  @Override
  public synchronized void finished() {
    if (closed) {
      return;
    }
    closed = true;
    StringBuilder frame = new StringBuilder();
    if (drawnRows > 0) {
      toTop(frame);
      frame.append(ERASE_BELOW);
    }
    out.print(frame.append(SHOW_CURSOR).append(RESET));
    out.flush();
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    out.print((drawnRows > 0 ? "\n" : "") + SHOW_CURSOR + RESET);
    out.flush();
  }
}
