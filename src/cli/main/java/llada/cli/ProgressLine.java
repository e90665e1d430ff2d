package llada.cli;

import java.io.PrintStream;
import java.util.Locale;
import llada.api.MemoryNeed;
import picocli.CommandLine.Model.CommandSpec;

/**
 * How far a long job over many bytes is: on a terminal a bar that fills, with rate and remaining
 * time; elsewhere a line every five seconds. Not for use by several threads at once.
 */
public final class ProgressLine {
  private static final long NANOS_BETWEEN = 200_000_000;
  private static final long NANOS_BETWEEN_LINES = 5_000_000_000L;
  private static final int BAR = 30;

  private final PrintStream err;
  private final boolean terminal;
  private final long total;
  private final long start = System.nanoTime();
  private long done;
  private long shownAt = start;

  private ProgressLine(PrintStream err, boolean terminal, long total) {
    this.err = err;
    this.terminal = terminal;
    this.total = total;
  }

  /**
   * A line for a job of a command.
   *
   * @param total bytes
   */
  public static ProgressLine of(CommandSpec command, long total) {
    Console console = CommandContext.of(command).console();
    return new ProgressLine(console.err(), console.errIsTerminal(), total);
  }

  /** Goes on by some bytes. */
  public void add(long bytes) {
    done += bytes;
    long now = System.nanoTime();
    if (terminal && now - shownAt > NANOS_BETWEEN) {
      shownAt = now;
      int filled = (int) (BAR * done / Math.max(1, total));
      err.print(
          "\r[" + "#".repeat(filled) + " ".repeat(BAR - filled) + "] " + text(now) + "\033[K");
      err.flush();
    } else if (!terminal && now - shownAt > NANOS_BETWEEN_LINES && done < total) {
      shownAt = now;
      err.println(text(now));
    }
  }

  private String text(long now) {
    double seconds = Math.max(1e-9, (now - start) / 1e9);
    double rate = done / seconds;
    long left = Math.round((total - done) / rate);
    return String.format(
        Locale.ROOT,
        "%d %% of %s, %s, %d:%02d left",
        100 * done / Math.max(1, total),
        MemoryNeed.text(total),
        rate(rate),
        left / 60,
        left % 60);
  }

  /** Small files and slow quantisers have rates below one megabyte a second. */
  private static String rate(double bytesPerSecond) {
    double mega = bytesPerSecond / 1e6;
    return String.format(Locale.ROOT, mega < 10 ? "%.2f MB/s" : "%.0f MB/s", mega);
  }

  /** Takes the bar away. Returns what was done at which rate, for the last line. */
  public String finish() {
    if (terminal) {
      err.print("\r\033[K");
      err.flush();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    return String.format(
        Locale.ROOT,
        "%s in %.1f s, %s",
        MemoryNeed.text(done),
        seconds,
        rate(done / Math.max(1e-9, seconds)));
  }
}
