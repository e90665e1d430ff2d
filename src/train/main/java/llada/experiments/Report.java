package llada.experiments;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import llada.format.AtomicFile;
import llada.plot.Chart;

/** What came out of an experiment: text, tables, charts, findings; as Markdown and as HTML. */
public final class Report {
  private final Experiment experiment;
  private final Map<String, String> config;
  private final List<Part> parts = new ArrayList<>();
  private final List<Finding> findings = new ArrayList<>();

  private sealed interface Part {}

  private record Heading(String text) implements Part {}

  private record Text(String text) implements Part {}

  private record Table(List<String> header, List<List<String>> rows) implements Part {}

  private record Picture(String file, Chart chart, String caption) implements Part {}

  /** Whether the paper and what was seen agree. */
  public enum Agreement {
    /** They do. */
    YES,
    /** In part, or the intervals leave it open. */
    PARTLY,
    /** They do not. */
    NO;

    /** Of something that either holds or does not. */
    static Agreement of(boolean holds) {
      return holds ? YES : NO;
    }

    /** Yes if the first holds, else in part if the second does. */
    static Agreement of(boolean holds, boolean partly) {
      return holds ? YES : partly ? PARTLY : NO;
    }

    @Override
    public String toString() {
      return switch (this) {
        case YES -> "yes";
        case PARTLY -> "partly";
        case NO -> "**no**";
      };
    }
  }

  /**
   * A claim beside what was seen.
   *
   * @param experiment its name
   */
  public record Finding(String experiment, String claim, String seen, Agreement agrees) {}

  /** An empty report. */
  Report(Experiment experiment, Map<String, String> config) {
    this.experiment = experiment;
    this.config = config;
  }

  /** The experiment that it is about. */
  public Experiment experiment() {
    return experiment;
  }

  /** All findings so far. */
  public List<Finding> findings() {
    return List.copyOf(findings);
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

  Report finding(String claim, String seen, Agreement agrees) {
    findings.add(new Finding(experiment.name(), claim, seen, agrees));
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
    out.append("**The paper:** ").append(experiment.claim()).append("\n\n");
    out.append("## Claim and figure\n\n");
    out.append(markdown(findingTable(findings, false)));
    for (Part part : parts) {
      switch (part) {
        case Heading(String text) -> out.append("## ").append(text).append("\n\n");
        case Text(String text) -> out.append(text).append("\n\n");
        case Table table -> out.append(markdown(table));
        case Picture(String file, Chart chart, String caption) ->
            out.append("![%s](%s.svg)%n%n%s%n%n".formatted(chart.title(), file, caption));
      }
    }
    out.append("## Settings\n\n");
    out.append(markdown(settings()));
    return out.toString();
  }

  private Table settings() {
    return new Table(
        List.of("setting", "value"),
        config.entrySet().stream().map(e -> List.of(e.getKey(), e.getValue())).toList());
  }

  private static Table findingTable(List<Finding> findings, boolean named) {
    List<String> header = new ArrayList<>(List.of("claim", "figure seen", "agrees"));
    if (named) {
      header.addFirst("experiment");
    }
    List<List<String>> rows = new ArrayList<>();
    for (Finding f : findings) {
      List<String> row = new ArrayList<>(List.of(f.claim, f.seen, f.agrees.toString()));
      if (named) {
        row.addFirst(f.experiment);
      }
      rows.add(row);
    }
    return new Table(header, rows);
  }

  /** All findings of several reports as a Markdown table. */
  static String summary(List<Report> reports) {
    return markdown(
        findingTable(reports.stream().flatMap(r -> r.findings.stream()).toList(), true));
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
        table { border-collapse: collapse } td, th { border: 1px solid #ccc; padding: .3em .6em }
        th { background: #f3f3f3; text-align: left } svg { max-width: 100% }
        </style></head><body><h1>LLaDA: the paper's claims on a laptop</h1>
        """);
    html(out, findingTable(reports.stream().flatMap(r -> r.findings.stream()).toList(), true));
    for (Report report : reports) {
      out.append("<h1>%s</h1>%n".formatted(escape(report.experiment.title())));
      out.append("<p><b>The paper:</b> %s</p>%n".formatted(inline(report.experiment.claim())));
      html(out, findingTable(report.findings, false));
      for (Part part : report.parts) {
        switch (part) {
          case Heading(String text) -> out.append("<h2>%s</h2>%n".formatted(inline(text)));
          case Text(String text) -> out.append("<p>%s</p>%n".formatted(inline(text)));
          case Table table -> html(out, table);
          case Picture(String _, Chart chart, String caption) ->
              out.append("%s<p>%s</p>%n".formatted(chart.svg(), inline(caption)));
        }
      }
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
    return escape(text)
        .replaceAll("\\*\\*(.+?)\\*\\*", "<b>$1</b>")
        .replaceAll("`(.+?)`", "<code>$1</code>");
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
