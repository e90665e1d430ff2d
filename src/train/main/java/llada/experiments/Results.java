package llada.experiments;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.plot.Series;

/**
 * What was measured, kept in results.csv: a row for each number. The rows of a job come together or
 * not at all, so those of a job that was cut off are made again.
 */
public final class Results {
  /** First line of the file. */
  public static final String HEADER = "arm,seed,measure,x,value";

  /** Behind the name of a share, the name of the number of trials. */
  static final String TRIALS = " of";

  private final Path file;
  private final List<Row> rows = new ArrayList<>();

  /**
   * A number.
   *
   * @param x the condition; empty if there is none
   */
  public record Row(String arm, long seed, String measure, String x, double value) {
    /**
     * Checks that the texts fit into a CSV file as they are.
     *
     * @throws IllegalArgumentException if one holds a comma, a quote or a line's end
     */
    public Row {
      for (String text : List.of(arm, measure, x)) {
        if (text.matches("(?s).*[,\"\\n\\r].*")) {
          throw new IllegalArgumentException("'%s' cannot stand in a CSV cell".formatted(text));
        }
      }
    }

    private static Row parse(String line) {
      String[] cells = line.split(",", -1);
      if (cells.length != 5) {
        throw new IllegalArgumentException("it has %d cells, not 5".formatted(cells.length));
      }
      return new Row(
          cells[0], Long.parseLong(cells[1]), cells[2], cells[3], Double.parseDouble(cells[4]));
    }

    private String line() {
      return "%s,%d,%s,%s,%s".formatted(arm, seed, measure, x, value);
    }
  }

  private Results(Path file) {
    this.file = file;
  }

  /**
   * What is in a file, or nothing if it does not exist.
   *
   * @throws FormatException if it cannot be read as such a table
   */
  public static Results open(Path file) {
    Results results = new Results(file);
    if (Files.notExists(file)) {
      return results;
    }
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (IOException e) {
      throw new FormatException(file + ": cannot be read: " + e.getMessage(), e);
    }
    if (lines.isEmpty() || !lines.getFirst().equals(HEADER)) {
      throw new FormatException(
          "%s: does not begin with %s; delete it to begin anew".formatted(file, HEADER));
    }
    for (int i = 1; i < lines.size(); i++) {
      try {
        results.rows.add(Row.parse(lines.get(i)));
      } catch (IllegalArgumentException e) {
        throw new FormatException(
            "%s: line %d is no row: %s; delete the file to begin anew"
                .formatted(file, i + 1, e.getMessage()),
            e);
      }
    }
    return results;
  }

  /** Whether a job's rows are there. */
  public synchronized boolean has(String arm, long seed) {
    return rows.stream().anyMatch(r -> r.seed == seed && r.arm.equals(arm));
  }

  /**
   * Adds the rows of a job and writes the file.
   *
   * @throws FormatException if it cannot be written
   */
  synchronized void add(List<Row> more) {
    rows.addAll(more);
    write();
  }

  /** Those of some seeds, which are not written. */
  synchronized Results only(Collection<Long> seeds) {
    Results some = new Results(file);
    rows.stream().filter(row -> seeds.contains(row.seed)).forEach(some.rows::add);
    return some;
  }

  /** Adds rows that follow from the others, which are not written. */
  synchronized void derive(List<Row> more) {
    rows.addAll(more);
  }

  /**
   * Puts the rows into the order of the jobs, so that the file does not tell which was faster.
   *
   * @throws FormatException if the file cannot be written
   */
  synchronized void arrange(List<Job> jobs) {
    Map<String, Integer> order = new HashMap<>();
    jobs.forEach(job -> order.put(job.arm() + "," + job.seed(), order.size()));
    // Stable: rows of a job keep their order, and rows of other seeds stay behind all.
    rows.sort(
        Comparator.comparingInt(
            row -> order.getOrDefault(row.arm + "," + row.seed, Integer.MAX_VALUE)));
    write();
  }

  private void write() {
    StringBuilder text = new StringBuilder(HEADER).append('\n');
    rows.forEach(row -> text.append(row.line()).append('\n'));
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, bytes);
  }

  /** All rows. */
  public synchronized List<Row> rows() {
    return List.copyOf(rows);
  }

  private Stream<Row> rows(String arm, String measure) {
    return rows.stream().filter(r -> r.arm.equals(arm) && r.measure.equals(measure));
  }

  /** Arms that have this measure, in the order of their coming. */
  public Set<String> arms(String measure) {
    Set<String> arms = new LinkedHashSet<>();
    rows.stream().filter(r -> r.measure.equals(measure)).forEach(r -> arms.add(r.arm));
    return arms;
  }

  /** Conditions under which an arm was measured, in the order of their coming. */
  public Set<String> conditions(String arm, String measure) {
    Set<String> conditions = new LinkedHashSet<>();
    rows(arm, measure).forEach(r -> conditions.add(r.x));
    return conditions;
  }

  /** Values by seed; none if nothing was measured so. */
  Map<Long, Double> bySeed(String arm, String measure, String x) {
    Map<Long, Double> values = new LinkedHashMap<>();
    rows(arm, measure).filter(r -> r.x.equals(x)).forEach(r -> values.put(r.seed, r.value));
    return values;
  }

  /**
   * Mean over seeds; of a share that was counted, with an interval within 0 and 1.
   *
   * @throws IllegalArgumentException if nothing was measured so
   */
  public Interval of(String arm, String measure, String x) {
    double[] values = bySeed(arm, measure, x).values().stream().mapToDouble(v -> v).toArray();
    if (values.length == 0) {
      throw new IllegalArgumentException(
          "there is no %s of arm %s at '%s'".formatted(measure, arm, x));
    }
    long trials =
        bySeed(arm, measure + TRIALS, x).values().stream().mapToLong(Double::longValue).sum();
    return trials == 0 ? Interval.of(values) : Interval.ofShares(values, trials);
  }

  /** Mean over seeds, without a condition. */
  public Interval of(String arm, String measure) {
    return of(arm, measure, "");
  }

  /** A measure against its numeric conditions, as a line with intervals. */
  public Series series(String name, String arm, String measure) {
    List<Series.Point> points =
        conditions(arm, measure).stream()
            .map(x -> point(Double.parseDouble(x), of(arm, measure, x)))
            .sorted((a, b) -> Double.compare(a.x(), b.x()))
            .toList();
    return Series.line(name, points);
  }

  /** A mean with its interval as a point of a chart. */
  static Series.Point point(double x, Interval y) {
    return new Series.Point(x, y.mean(), y.low(), y.high());
  }
}
