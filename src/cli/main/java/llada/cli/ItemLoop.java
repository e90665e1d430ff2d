package llada.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import llada.evaluation.ItemTask;
import llada.evaluation.Proportion;
import llada.evaluation.ResultsFile;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.JsonLine;

/**
 * Works through items, writes each result as soon as it is there, counts what is right, and tells
 * how it goes. With a file of results, items that are in it are passed over.
 */
final class ItemLoop {
  private static final long TERMINAL_NANOS = 200_000_000L;
  private static final long LINE_NANOS = 10_000_000_000L;

  private final ItemTask task;
  private final Console console;
  private final boolean quiet;
  private final Map<String, long[]> tally = new LinkedHashMap<>(); // right, all
  private final AtomicInteger done = new AtomicInteger();
  private long shownAt = System.nanoTime();

  private ItemLoop(ItemTask task, Console console, boolean quiet) {
    this.task = task;
    this.console = console;
    this.quiet = quiet;
  }

  /**
   * Works through all items.
   *
   * @param file of the results, or null
   * @param settings that the results depend on
   * @param lines where the results go if there is no file; null for nowhere
   * @param batch items at a time
   * @return what share of the items is right, by measure
   */
  static Map<String, Proportion> run(
      ItemTask task,
      Path file,
      String settings,
      PrintStream lines,
      int batch,
      Console console,
      boolean quiet) {
    ItemLoop loop = new ItemLoop(task, console, quiet);
    if (file == null) {
      loop.run(null, lines, batch);
    } else {
      try (ResultsFile results = ResultsFile.open(file, settings)) {
        loop.run(results, null, batch);
      }
    }
    Map<String, Proportion> shares = new LinkedHashMap<>();
    loop.tally.forEach((name, counts) -> shares.put(name, new Proportion(counts[0], counts[1])));
    return shares;
  }

  /**
   * Checks that results can be told apart.
   *
   * @param input of the items, or null if it has no name
   */
  static void requireDifferentIds(ItemTask task, Path input) {
    Set<String> ids = new HashSet<>();
    for (int i = 0; i < task.size(); i++) {
      if (!ids.add(task.id(i))) {
        throw new FormatException(
            "%s: the id %s occurs twice; ids must differ, so that a result can be told from another"
                .formatted(input, task.id(i)));
      }
    }
  }

  private void run(ResultsFile results, PrintStream lines, int batch) {
    List<Integer> open = new ArrayList<>();
    Set<String> ours = new HashSet<>();
    for (int i = 0; i < task.size(); i++) {
      ours.add(task.id(i));
      if (results == null || !results.has(task.id(i))) {
        open.add(i);
      }
    }
    if (results != null) {
      results.earlier().stream()
          .filter(json -> ours.contains(ResultsFile.id(json)))
          .forEach(this::count);
    }
    done.set(task.size() - open.size());
    if (done.get() > 0 && !quiet) {
      console.message("%d of %d are done already".formatted(done.get(), task.size()));
    }
    Thread lastWords = new Thread(() -> stopped(results != null), "last words");
    Runtime.getRuntime().addShutdownHook(lastWords);
    try {
      work(open, results, lines, batch);
    } finally {
      try {
        Runtime.getRuntime().removeShutdownHook(lastWords);
      } catch (IllegalStateException _) {
        // The process is ending and the hook is at work.
      }
    }
  }

  private void work(List<Integer> open, ResultsFile results, PrintStream lines, int batch) {
    long start = System.nanoTime();
    for (int from = 0; from < open.size(); from += batch) {
      List<Integer> items = open.subList(from, Math.min(open.size(), from + batch));
      List<ItemTask.Result> found = task.work(items);
      for (int i = 0; i < items.size(); i++) {
        String id = task.id(items.get(i));
        ItemTask.Result result = found.get(i);
        String line = line(id, results, result);
        if (results != null) {
          results.add(id, line);
        } else if (lines != null) {
          lines.println(line);
          console.flush();
        }
        result.right().forEach(this::count);
      }
      done.addAndGet(items.size());
      double seconds = (System.nanoTime() - start) / 1e9;
      int now = from + items.size();
      show(seconds / now * (open.size() - now), now == open.size());
    }
    if (!quiet && console.errIsTerminal() && !open.isEmpty()) {
      console.err().println();
    }
  }

  private static String line(String id, ResultsFile results, ItemTask.Result result) {
    return JsonLine.of(
        json -> {
          json.writeStringField("id", id);
          result.members().write(json);
          if (!result.right().isEmpty()) {
            json.writeObjectFieldStart("right");
            for (Map.Entry<String, Boolean> one : result.right().entrySet()) {
              json.writeBooleanField(one.getKey(), one.getValue());
            }
            json.writeEndObject();
          }
          if (results != null) {
            json.writeStringField("settings", results.settings());
          }
        });
  }

  private void count(Json earlier) {
    Json right = earlier.get("right");
    if (!right.isNull()) {
      right.map().keySet().forEach(name -> count(name, right.get(name).bool()));
    }
  }

  private void count(String name, boolean right) {
    long[] counts = tally.computeIfAbsent(name, _ -> new long[2]);
    counts[0] += right ? 1 : 0;
    counts[1]++;
  }

  private void show(double secondsLeft, boolean last) {
    long now = System.nanoTime();
    if (quiet || !last && now - shownAt < (console.errIsTerminal() ? TERMINAL_NANOS : LINE_NANOS)) {
      return;
    }
    shownAt = now;
    String shares =
        tally.entrySet().stream()
            .map(
                one ->
                    String.format(
                        Locale.ROOT,
                        "  %s %.1f %%",
                        one.getKey(),
                        100.0 * one.getValue()[0] / one.getValue()[1]))
            .collect(Collectors.joining());
    String line =
        "%d/%d%s  ETA %s"
            .formatted(done.get(), task.size(), shares, TrainProgress.time(secondsLeft));
    if (console.errIsTerminal()) {
      console.err().print("\r\033[K" + line);
    } else {
      console.err().println(line);
    }
    console.err().flush();
  }

  private void stopped(boolean kept) {
    if (console.errIsTerminal()) {
      console.err().println(); // the terminal has just written ^C
    }
    console.message(
        "stopped after %d of %d%s"
            .formatted(
                done.get(), task.size(), kept ? "; the same command goes on from there" : ""));
  }
}
