package llada.cli;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import llada.evaluation.ItemLoop;
import llada.evaluation.ItemTask;
import llada.evaluation.Proportion;
import llada.train.Processes;

/**
 * Tells how the work on items goes: on a terminal a line that is drawn again and again, elsewhere
 * one every ten seconds; and, when the process is ended by a signal while {@link #run} is at it,
 * how far it came. Of several processes the first one tells, of its share.
 */
final class ItemProgress implements ItemLoop.Listener {
  private static final long TERMINAL_NANOS = 200_000_000L;
  private static final long LINE_NANOS = 10_000_000_000L;

  private final Console console;
  private final boolean quiet;
  private final boolean lines;
  private final Processes processes;
  private final Thread lastWords = new Thread(this::stopped, "last words");
  private boolean kept;
  private volatile int done;
  private volatile int size;
  private long shownAt = System.nanoTime();

  /**
   * For one loop.
   *
   * @param lines whether results without a file go to standard output
   * @param processes that share the items
   */
  ItemProgress(Console console, boolean quiet, boolean lines, Processes processes) {
    this.console = console;
    this.quiet = quiet || !processes.first();
    this.lines = lines;
    this.processes = processes;
  }

  /**
   * Works through items.
   *
   * @param output file of the results, or null
   * @param settings that the results depend on
   * @param batch items at a time
   * @return what share of them is right, by measure; nothing in processes but the first
   */
  Map<String, Proportion> run(ItemTask task, Path output, String settings, int batch) {
    kept = output != null;
    if (!kept && processes.size() > 1) {
      throw new UsageException(
          "%d processes need --output, a file in a folder that all of them see"
              .formatted(processes.size()));
    }
    ItemLoop.Share share =
        new ItemLoop.Share(processes.rank(), processes.size(), processes::barrier);
    try {
      return kept
          ? ItemLoop.run(task, output, settings, batch, share, this)
          : ItemLoop.run(task, batch, this);
    } finally {
      try {
        Runtime.getRuntime().removeShutdownHook(lastWords);
      } catch (IllegalStateException _) {
        // The process is ending and the hook is at work.
      }
    }
  }

  @Override
  public void begins(int earlier, int all) {
    done = earlier;
    size = all;
    if (earlier > 0 && !quiet) {
      console.message("%d of %d are done already".formatted(earlier, all));
    }
    if (processes.first()) {
      Runtime.getRuntime().addShutdownHook(lastWords);
    }
  }

  @Override
  public void result(String json) {
    if (lines) {
      console.out().println(json);
      console.flush();
    }
  }

  @Override
  public void progress(ItemLoop.Progress progress) {
    done = progress.done();
    size = progress.size();
    boolean last = done == size;
    long now = System.nanoTime();
    boolean terminal = console.errIsTerminal();
    if (quiet || !last && now - shownAt < (terminal ? TERMINAL_NANOS : LINE_NANOS)) {
      return;
    }
    shownAt = now;
    String shares =
        progress.shares().entrySet().stream()
            .map(
                one ->
                    String.format(
                        Locale.ROOT, "  %s %.1f %%", one.getKey(), 100 * one.getValue().value()))
            .collect(Collectors.joining());
    String line =
        "%s%d/%d%s  ETA %s"
            .formatted(
                processes.size() == 1 ? "" : "process 0 of %d: ".formatted(processes.size()),
                done,
                size,
                shares,
                TrainProgress.time(progress.secondsLeft()));
    console.err().print(terminal ? "\r\033[K" + line + (last ? "\n" : "") : line + "\n");
    console.err().flush();
  }

  private void stopped() {
    if (console.errIsTerminal()) {
      console.err().println(); // the terminal has just written ^C
    }
    console.message(
        processes.size() > 1
            ? "stopped; the same command goes on with what is done, in any number of processes"
            : "stopped after %d of %d%s"
                .formatted(done, size, kept ? "; the same command goes on from there" : ""));
  }
}
