package llada.cli;

import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import llada.api.Step;

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

  private final PrintStream out;
  private final Supplier<Size> size;
  private final boolean colour;
  private int drawnRows;
  private boolean closed;

  AnsiStepView(PrintStream out, Supplier<Size> size, boolean colour) {
    this.out = out;
    this.size = size;
    this.colour = colour;
  }

  @Override
  public synchronized void step(Step step) {
    if (closed) {
      return;
    }
    Size now = size.get();
    ScreenRows screen = new ScreenRows(now.columns() - 1, colour);
    step.pieces().forEach(screen::add);
    List<String> rows = screen.window(Math.max(1, now.rows() - 2));
    StringBuilder frame = new StringBuilder(HIDE_CURSOR);
    toTop(frame);
    for (String row : rows) {
      frame.append(row).append(ERASE_TO_LINE_END).append('\n');
    }
    frame.append(bar(step, now.columns())).append(ERASE_BELOW);
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

  private String bar(Step step, int columns) {
    int all = step.most();
    String count = String.format(Locale.ROOT, " step %d/%d", step.number(), all);
    int width = Math.min(30, columns - count.length() - 1);
    if (step.of() == 0 || width < 1) { // where the text decides, nobody knows how many there are
      return step.of() == 0 ? " step " + step.number() : "";
    }
    int full = (int) ((long) width * step.number() / all);
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
