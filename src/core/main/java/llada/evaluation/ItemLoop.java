package llada.evaluation;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.JsonLine;
import llada.format.JsonLines;

/**
 * Works through items, writes each result as soon as it is there, counts what is right, and tells
 * how it goes. With a file of results, items that are in it are passed over, and several processes
 * can share the others: the file is in the end the same, bit by bit, for any number of them.
 */
public final class ItemLoop {
  private final ItemTask task;
  private final Optional<ResultsFile> results;
  private final Listener listener;
  private final Map<String, Proportion> shares = new LinkedHashMap<>();

  /** Hears how it goes, on the thread that works. */
  public interface Listener {
    /**
     * The work begins.
     *
     * @param done items that were in the file of results
     * @param size all items
     */
    void begins(int done, int size);

    /**
     * There is a result, and no file to write it to.
     *
     * @param json its line
     */
    void result(String json);

    /** Some more items are done. */
    void progress(Progress progress);
  }

  /**
   * How far the work of this process is.
   *
   * @param done its items, and those of earlier runs
   * @param size the same, when it is through: all items, if it is alone
   * @param shares what share of them is right, by measure
   * @param secondsLeft if the others take as long as those of this run
   */
  public record Progress(int done, int size, Map<String, Proportion> shares, double secondsLeft) {}

  /**
   * What part of the work is a process's: of N processes, every N-th of the items that are still to
   * be done.
   *
   * @param process its number, from 0
   * @param processes N
   * @param barrier waits until all processes have come to it
   */
  public record Share(int process, int processes, Runnable barrier) {
    private List<Integer> of(List<Integer> open) {
      return IntStream.range(0, open.size())
          .filter(i -> i % processes == process)
          .mapToObj(open::get)
          .toList();
    }
  }

  private ItemLoop(ItemTask task, Optional<ResultsFile> results, Listener listener) {
    this.task = task;
    this.results = results;
    this.listener = listener;
  }

  /**
   * Works through all items; the listener gets the results.
   *
   * @param batch items at a time
   * @return what share of the items is right, by measure
   */
  public static Map<String, Proportion> run(ItemTask task, int batch, Listener listener) {
    ItemLoop loop = new ItemLoop(task, Optional.empty(), listener);
    loop.work(open(task, Set.of()), 0, batch);
    return loop.shares;
  }

  /**
   * Works through a share of the items that have no result yet. When all processes return, the file
   * has the results in the order of the items.
   *
   * @param file to go on with; the same in all processes
   * @param settings what the results depend on, in a few characters
   * @param batch items at a time
   * @return what share of all items is right, by measure; nothing in processes but the first
   * @throws FormatException as {@link ResultsFile#open}
   */
  public static Map<String, Proportion> run(
      ItemTask task, Path file, String settings, int batch, Share share, Listener listener) {
    if (share.process > 0) {
      return beside(task, file, settings, batch, share, listener);
    }
    try (ResultsFile results = ResultsFile.open(file, settings)) {
      Parts.takeIn(file, results);
      share.barrier.run(); // now the others read what is done,
      ItemLoop loop = new ItemLoop(task, Optional.of(results), listener);
      List<Integer> open = loop.open(results);
      share.barrier.run(); // and now they have: the file may grow
      loop.work(share.of(open), task.size() - open.size(), batch);
      share.barrier.run();
      Parts.takeIn(file, results);
      loop.shares.clear();
      List<String> ids = IntStream.range(0, task.size()).mapToObj(task::id).toList();
      results.inOrder(ids).forEach(loop::count);
      return loop.shares;
    }
  }

  /** The work of a process that is not the first. */
  private static Map<String, Proportion> beside(
      ItemTask task, Path file, String settings, int batch, Share share, Listener listener) {
    share.barrier.run();
    if (Files.notExists(file)) {
      throw new FormatException(
          "%s: process %d does not find it, though process 0 has opened it: give a file in a folder that all machines share"
              .formatted(file, share.process));
    }
    Set<String> done = new HashSet<>();
    JsonLines.forEach(file, json -> done.add(ResultsFile.id(json)));
    List<Integer> open = open(task, done);
    share.barrier.run();
    try (ResultsFile part = Parts.open(file, share.process, settings)) {
      ItemLoop loop = new ItemLoop(task, Optional.of(part), listener);
      loop.work(share.of(open), task.size() - open.size(), batch);
    }
    share.barrier.run();
    return Map.of();
  }

  /**
   * Checks that results can be told apart.
   *
   * @param input of the items, for the message
   * @throws FormatException if two items have the same id
   */
  public static void requireDifferentIds(ItemTask task, Path input) {
    Set<String> ids = new HashSet<>();
    for (int i = 0; i < task.size(); i++) {
      if (!ids.add(task.id(i))) {
        throw new FormatException(
            "%s: the id %s occurs twice; ids must differ, so that a result can be told from another"
                .formatted(input, task.id(i)));
      }
    }
  }

  private static List<Integer> open(ItemTask task, Set<String> done) {
    return IntStream.range(0, task.size()).filter(i -> !done.contains(task.id(i))).boxed().toList();
  }

  /** The items that are still to be done; the others are counted. */
  private List<Integer> open(ResultsFile file) {
    Set<String> done = new HashSet<>();
    IntStream.range(0, task.size()).mapToObj(task::id).filter(file::has).forEach(done::add);
    file.earlier().stream()
        .filter(json -> done.contains(ResultsFile.id(json)))
        .forEach(this::count);
    return open(task, done);
  }

  private void work(List<Integer> open, int earlier, int batch) {
    listener.begins(earlier, task.size());
    long start = System.nanoTime();
    for (int from = 0; from < open.size(); from += batch) {
      List<Integer> items = open.subList(from, Math.min(open.size(), from + batch));
      List<ItemTask.Result> found = task.work(items);
      for (int i = 0; i < items.size(); i++) {
        String id = task.id(items.get(i));
        ItemTask.Result result = found.get(i);
        String line = line(id, result);
        results.ifPresentOrElse(file -> file.add(id, line), () -> listener.result(line));
        result.right().forEach(this::count);
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      int now = from + items.size();
      double left = seconds / now * (open.size() - now);
      listener.progress(
          new Progress(
              earlier + now, earlier + open.size(), Collections.unmodifiableMap(shares), left));
    }
  }

  private String line(String id, ItemTask.Result result) {
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
          if (results.isPresent()) {
            json.writeStringField("settings", results.get().settings());
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
    shares.merge(
        name,
        new Proportion(right ? 1 : 0, 1),
        (a, b) -> new Proportion(a.successes() + b.successes(), a.trials() + b.trials()));
  }
}
