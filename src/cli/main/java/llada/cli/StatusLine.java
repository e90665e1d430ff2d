package llada.cli;

import java.io.PrintStream;

/**
 * What a long job is at, on standard error: on a terminal a line that is drawn again and again,
 * elsewhere one every ten seconds.
 */
final class StatusLine implements AutoCloseable {
  private static final long LINE_NANOS = 10_000_000_000L;

  private final PrintStream err;
  private final boolean terminal;
  private long shownAt = System.nanoTime();

  StatusLine(Console console) {
    err = console.err();
    terminal = console.errIsTerminal();
  }

  /** Shows it, cut to a line. */
  void show(String text) {
    if (terminal) {
      err.print("\r" + text.substring(0, Math.min(text.length(), 78)) + "\033[K");
      err.flush();
    } else if (System.nanoTime() - shownAt > LINE_NANOS) {
      shownAt = System.nanoTime();
      err.println(text);
    }
  }

  /** Takes the line away. */
  @Override
  public void close() {
    if (terminal) {
      err.print("\r\033[K");
      err.flush();
    }
  }
}
