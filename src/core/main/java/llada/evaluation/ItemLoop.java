package llada.evaluation;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.JsonLine;

/**
 * Works through items, writes each result as soon as it is there, counts what is right, and tells
 * how it goes. With a file of results, items that are in it are passed over.
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
   * How far the work is.
   *
   * @param done items, those of earlier runs included
   * @param size all items
   * @param shares what share of them is right, by measure
   * @param secondsLeft if the others take as long as those of this run
   */
  public record Progress(int done, int size, Map<String, Proportion> shares, double secondsLeft) {}

  private ItemLoop(ItemTask task, Optional<ResultsFile> results, Listener listener) {
    this.task = task;
    this.results = results;
    this.listener = listener;
  }

  /**
   * Works through all items.
   *
   * @param results file to go on with; empty where the listener gets the results
   * @param batch items at a time
   * @return what share of the items is right, by measure
   */
  public static Map<String, Proportion> run(
      ItemTask task, Optional<ResultsFile> results, int batch, Listener listener) {
    ItemLoop loop = new ItemLoop(task, results, listener);
    loop.work(loop.open(), batch);
    return loop.shares;
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

  /** The items that are still to be done; the others are counted. */
  private List<Integer> open() {
    List<Integer> open = new ArrayList<>();
    Set<String> ours = new HashSet<>();
    for (int i = 0; i < task.size(); i++) {
      String id = task.id(i);
      ours.add(id);
      if (results.filter(file -> file.has(id)).isEmpty()) {
        open.add(i);
      }
    }
    results.stream()
        .flatMap(file -> file.earlier().stream())
        .filter(json -> ours.contains(ResultsFile.id(json)))
        .forEach(this::count);
    return open;
  }

  private void work(List<Integer> open, int batch) {
    int earlier = task.size() - open.size();
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
          new Progress(earlier + now, task.size(), Collections.unmodifiableMap(shares), left));
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
