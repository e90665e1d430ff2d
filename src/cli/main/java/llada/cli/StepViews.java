package llada.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** Chooses how steps are shown and holds the terminal that a drawing needs. */
final class StepViews implements AutoCloseable {
  private final Console console;
  private final boolean show;
  private final Terminal terminal;

  private StepViews(Console console, boolean show, Terminal terminal) {
    this.console = console;
    this.show = show;
    this.terminal = terminal;
  }

  /**
   * Opens the terminal if there is something to draw on it.
   *
   * @param json whether standard output is for a program, even if it is a terminal
   */
  static StepViews of(Console console, boolean show, boolean json) {
    Terminal terminal = show && !json && console.canDraw() ? open() : null;
    return new StepViews(console, show, terminal);
  }

  /** Without signal handlers: JLine's default would end the process before the last words. */
  private static Terminal open() {
    try {
      return TerminalBuilder.builder().system(true).nativeSignals(false).dumb(true).build();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A view of one answer. */
  StepView view() {
    if (!show) {
      return StepView.none();
    }
    return terminal == null ? new PlainStepView(console.err()) : drawing(console, terminal);
  }

  /** A drawing on an open terminal. */
  static StepView drawing(Console console, Terminal terminal) {
    return new AnsiStepView(console.out(), () -> size(terminal), console.colour());
  }

  /** A terminal that does not know its size is taken for 80 by 24. */
  private static AnsiStepView.Size size(Terminal terminal) {
    int columns = terminal.getColumns();
    int rows = terminal.getRows();
    return new AnsiStepView.Size(columns > 0 ? columns : 80, rows > 0 ? rows : 24);
  }

  @Override
  public void close() {
    close(terminal);
  }

  /** Gives a terminal back; null is none. */
  static void close(Terminal terminal) {
    if (terminal != null) {
      try {
        terminal.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
