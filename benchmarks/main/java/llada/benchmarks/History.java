package llada.benchmarks;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import llada.format.Json;
import llada.format.JsonLine;
import llada.plot.Chart;
import llada.plot.Series;

/**
 * What was measured at which commit, on which machine: a line of JSON for each op. Run by {@code
 * run.sh}: {@code History append RESULTS HISTORY COMMIT MACHINE} adds JMH's results, {@code History
 * plot HISTORY SVG REGEX} draws those ops whose names match, in the order of the lines.
 */
public final class History {
  private static final int MOST_SERIES = 12;

  private History() {}

  /** Appends or plots. */
  public static void main(String[] args) throws IOException {
    if (args.length == 5 && args[0].equals("append")) {
      append(Path.of(args[1]), Path.of(args[2]), args[3], args[4]);
    } else if (args.length == 4 && args[0].equals("plot")) {
      plot(Path.of(args[1]), Path.of(args[2]), args[3]);
    } else {
      throw new IllegalArgumentException(
          "append RESULTS HISTORY COMMIT MACHINE, or plot HISTORY SVG REGEX");
    }
  }

  static void append(Path results, Path history, String commit, String machine) throws IOException {
    ByteArrayOutputStream lines = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(lines, false, StandardCharsets.UTF_8);
    for (Json result : Json.parse(Files.readAllBytes(results), results.toString()).list()) {
      JsonLine.write(
          out,
          line -> {
            line.writeStringField("commit", commit);
            line.writeStringField("machine", machine);
            line.writeStringField("op", name(result));
            line.writeNumberField("us", result.get("primaryMetric").get("score").number());
          });
    }
    out.flush();
    Files.write(history, lines.toByteArray(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /** Class, method and parameters: {@code Matmul.matmul backend=machine dtype=Q4_0}. */
  private static String name(Json result) {
    String name =
        result
            .get("benchmark")
            .string()
            .replace("llada.benchmarks.", "")
            .replace("Benchmark.", ".");
    Json params = result.get("params");
    return params.isNull()
        ? name
        : params.map().entrySet().stream()
            .map(entry -> " " + entry.getKey() + "=" + entry.getValue())
            .collect(Collectors.joining("", name, ""));
  }

  static void plot(Path history, Path svg, String regex) throws IOException {
    Set<String> commits = new LinkedHashSet<>();
    Map<String, List<Series.Point>> ops = new LinkedHashMap<>();
    for (String line : Files.readAllLines(history)) {
      Json entry = Json.parse(line.getBytes(StandardCharsets.UTF_8), history.toString());
      commits.add(entry.get("commit").string());
      String op = entry.get("op").string();
      if (op.matches(".*(" + regex + ").*")) {
        ops.computeIfAbsent(op, _ -> new ArrayList<>())
            .add(new Series.Point(commits.size(), entry.get("us").number()));
      }
    }
    if (ops.isEmpty() || ops.size() > MOST_SERIES) {
      throw new IllegalArgumentException(
          "%d ops match '%s'; 1 to %d can be drawn".formatted(ops.size(), regex, MOST_SERIES));
    }
    List<Series> series =
        ops.entrySet().stream().map(e -> Series.line(e.getKey(), e.getValue())).toList();
    Chart.lines(regex, "commit: " + String.join(", ", commits), "µs", false, series).writeSvg(svg);
  }
}
