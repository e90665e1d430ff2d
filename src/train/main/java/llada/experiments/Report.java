package llada.experiments;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import llada.experiments.Claim.Verdict;
import llada.format.AtomicFile;
import llada.plot.Chart;
import llada.plot.Markup;

/** What came out of an experiment: text, tables, charts, findings; as Markdown and as HTML. */
public final class Report {
  private static final String UNDECIDED =
      "The tiny size shows that everything runs. Its figures mean nothing, so there are no verdicts.";
  private static final Table NOTHING = new Table(List.of(UNDECIDED), List.of());

  private final Experiment experiment;
  private final Map<String, String> config;
  private final List<Part> parts = new ArrayList<>();
  private final List<Verdict> verdicts = new ArrayList<>();
  private final boolean decided;

  private sealed interface Part {}

  private record Heading(String text) implements Part {}

  private record Text(String text) implements Part {}

  private record Table(List<String> header, List<List<String>> rows) implements Part {}

  private record Picture(String file, Chart chart, String caption) implements Part {}

  /**
   * An empty report.
   *
   * @param decided whether there are verdicts: those of the tiny size would mean nothing
   */
  Report(Experiment experiment, Map<String, String> config, boolean decided) {
    this.experiment = experiment;
    this.config = config;
    this.decided = decided;
  }

  /** The experiment that it is about. */
  public Experiment experiment() {
    return experiment;
  }

  /** What was decided; nothing at the tiny size. */
  public List<Verdict> verdicts() {
    return decided ? List.copyOf(verdicts) : List.of();
  }

  Report heading(String text) {
    parts.add(new Heading(text));
    return this;
  }

  Report text(String text) {
    parts.add(new Text(text));
    return this;
  }

  Report table(List<String> header, List<List<String>> rows) {
    parts.add(new Table(List.copyOf(header), List.copyOf(rows)));
    return this;
  }

  /**
   * A chart.
   *
   * @param file its name without suffix
   */
  Report chart(String file, Chart chart, String caption) {
    parts.add(new Picture(file, chart, caption));
    return this;
  }

  Report verdict(Verdict verdict) {
    verdicts.add(verdict);
    return this;
  }

  /**
   * Writes report.md with its charts as SVG and PNG into a folder.
   *
   * @return what could not be done, for the user; empty if all was
   * @throws llada.format.FormatException if a file cannot be written
   */
  List<String> write(Path folder) {
    List<String> complaints = new ArrayList<>();
    for (Part part : parts) {
      if (part instanceof Picture picture) {
        picture.chart.writeSvg(folder.resolve(picture.file + ".svg"));
        try {
          picture.chart.writePng(folder.resolve(picture.file + ".png"));
        } catch (UnsupportedOperationException e) {
          complaints.add(
              "%s.png was not written, only the SVG: %s".formatted(picture.file, e.getMessage()));
        }
      }
    }
    write(folder.resolve("report.md"), markdown());
    return complaints;
  }

  static void write(Path file, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, bytes);
  }

  String markdown() {
    StringBuilder out = new StringBuilder();
    out.append("# ").append(experiment.title()).append("\n\n");
    out.append("**Question.** ").append(experiment.question()).append("\n\n");
    out.append("**Set-up.** ").append(experiment.setUp()).append("\n\n");
    for (Part part : parts) {
      switch (part) {
        case Heading(String text) -> out.append("## ").append(text).append("\n\n");
        case Text(String text) -> out.append(text).append("\n\n");
        case Table table -> out.append(markdown(table));
        case Picture(String file, Chart chart, String caption) ->
            out.append("![%s](%s.svg)%n%n%s%n%n".formatted(chart.alt(), file, caption));
      }
    }
    out.append("## What was seen\n\n");
    out.append(decided ? markdown(verdictTable(verdicts, false)) : UNDECIDED + "\n\n");
    out.append("## What it does not show\n\n").append(experiment.limits()).append("\n\n");
    out.append("## Settings\n\n");
    out.append(markdown(settings()));
    return out.toString();
  }

  private Table settings() {
    return new Table(
        List.of("setting", "value"),
        config.entrySet().stream().map(e -> List.of(e.getKey(), e.getValue())).toList());
  }

  private static Table verdictTable(List<Verdict> verdicts, boolean named) {
    List<String> header =
        new ArrayList<>(List.of("claim", "prediction", "rule", "seen", "verdict"));
    if (named) {
      header.addFirst("experiment");
    }
    List<List<String>> rows = new ArrayList<>();
    for (Verdict v : verdicts) {
      Claim claim = v.claim();
      String rule = "%s (%s)".formatted(claim.rule(), claim.date());
      List<String> row =
          new ArrayList<>(
              List.of(claim.text(), claim.prediction(), rule, v.seen(), "**" + v.outcome() + "**"));
      if (named) {
        row.addFirst(v.experiment());
      }
      rows.add(row);
    }
    return new Table(header, rows);
  }

  /** All verdicts of several reports as a Markdown table. */
  static String summary(List<Report> reports) {
    return markdown(all(reports));
  }

  private static Table all(List<Report> reports) {
    return verdictTable(reports.stream().flatMap(r -> r.verdicts().stream()).toList(), true);
  }

  private static String markdown(Table table) {
    StringBuilder out = new StringBuilder();
    row(out, table.header);
    out.append("|").append("---|".repeat(table.header.size())).append('\n');
    table.rows.forEach(row -> row(out, row));
    return out.append('\n').toString();
  }

  private static void row(StringBuilder out, List<String> cells) {
    out.append("|");
    cells.forEach(cell -> out.append(' ').append(cell.replace("|", "\\|")).append(" |"));
    out.append('\n');
  }

  /** Several reports as one page that needs no other file. */
  static String page(List<Report> reports) {
    StringBuilder out = new StringBuilder();
    out.append(
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>LLaDA on a laptop</title><style>
        body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
        :root { color-scheme: light dark }
        table { border-collapse: collapse } td, th { border: 1px solid #888; padding: .3em .6em }
        th { text-align: left } svg { max-width: 100% }
        </style></head><body><h1>LLaDA: the paper's claims on a laptop</h1>
        """);
    html(out, all(reports));
    for (Report report : reports) {
      out.append("<h1>%s</h1>%n".formatted(Markup.escaped(report.experiment.title())));
      out.append("<p><b>Question.</b> %s</p>%n".formatted(inline(report.experiment.question())));
      out.append("<p><b>Set-up.</b> %s</p>%n".formatted(inline(report.experiment.setUp())));
      for (Part part : report.parts) {
        switch (part) {
          case Heading(String text) -> out.append("<h2>%s</h2>%n".formatted(inline(text)));
          case Text(String text) -> out.append("<p>%s</p>%n".formatted(inline(text)));
          case Table table -> html(out, table);
          case Picture(String _, Chart chart, String caption) ->
              out.append("%s<p>%s</p>%n".formatted(chart.svg(), inline(caption)));
        }
      }
      out.append("<h2>What was seen</h2>\n");
      html(out, report.decided ? verdictTable(report.verdicts, false) : NOTHING);
      out.append("<h2>What it does not show</h2>\n");
      out.append("<p>%s</p>%n".formatted(inline(report.experiment.limits())));
      out.append("<h2>Settings</h2>\n");
      html(out, report.settings());
    }
    return out.append("</body></html>\n").toString();
  }

  private static void html(StringBuilder out, Table table) {
    out.append("<table><tr>");
    table.header.forEach(cell -> out.append("<th>%s</th>".formatted(inline(cell))));
    out.append("</tr>\n");
    for (List<String> row : table.rows) {
      out.append("<tr>");
      row.forEach(cell -> out.append("<td>%s</td>".formatted(inline(cell))));
      out.append("</tr>\n");
    }
    out.append("</table>\n");
  }

  /** The Markdown that reports use within a line: bold and code. */
  private static String inline(String text) {
    return Markup.escaped(text)
        .replaceAll("\\*\\*(.+?)\\*\\*", "<b>$1</b>")
        .replaceAll("`(.+?)`", "<code>$1</code>");
  }
}
