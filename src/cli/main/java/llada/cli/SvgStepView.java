package llada.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import llada.api.Step;
import llada.api.Step.Piece;
import llada.api.Step.State;
import llada.format.AtomicFile;
import llada.plot.Markup;

/**
 * An animated SVG picture of the text being unmasked: a frame for every step, the last of which
 * stays longer. Without animation, and where the reader wants little motion, the last one is seen.
 * Another view may show the steps meanwhile.
 */
final class SvgStepView implements StepView {
  private static final int COLUMNS = 72;
  private static final double ADVANCE = 8.4; // pixels of a character; rows are stretched to it
  private static final int LINE = 22;
  private static final int MARGIN = 16;
  private static final double SECONDS = 0.3; // a frame
  private static final int LAST = 14; // frames for which the last one stays

  private final StepView other;
  private final Path file;
  private final List<List<List<Piece>>> frames = new ArrayList<>();
  private String text = "";

  /**
   * A picture.
   *
   * @param other is told of everything, too
   * @param file written when the answer is complete
   */
  SvgStepView(StepView other, Path file) {
    this.other = other;
    this.file = file;
  }

  @Override
  public void step(Step step) {
    List<Piece> answer =
        step.pieces().stream().takeWhile(piece -> piece.state() != State.END).toList();
    frames.add(rows(answer));
    StringBuilder all = new StringBuilder();
    answer.forEach(piece -> all.append(piece.text()));
    text = all.toString();
    other.step(step);
  }

  /** Pieces of equal state are joined, so that each row has few of them. */
  private static List<List<Piece>> rows(List<Piece> pieces) {
    List<List<Piece>> rows = new ArrayList<>();
    List<Piece> row = new ArrayList<>();
    int columns = 0;
    for (Piece piece : pieces) {
      String[] lines = piece.text().split("\n", -1);
      for (int i = 0; i < lines.length; i++) {
        if (i > 0 || columns + columns(lines[i]) > COLUMNS) {
          rows.add(row);
          row = new ArrayList<>();
          columns = 0;
        }
        String shown = columns == 0 ? lines[i].stripLeading() : lines[i];
        columns += columns(shown);
        Piece last = row.isEmpty() ? null : row.getLast();
        boolean joined = last != null && last.state() == piece.state();
        if (joined) {
          row.removeLast();
        }
        row.add(new Piece(joined ? last.text() + shown : shown, piece.state(), 0));
      }
    }
    rows.add(row);
    return rows;
  }

  @Override
  public void finished() {
    other.finished();
    // A last frame in which nothing is new any more.
    List<List<Piece>> still = new ArrayList<>();
    for (List<Piece> row : frames.isEmpty() ? List.<List<Piece>>of() : frames.getLast()) {
      StringBuilder all = new StringBuilder();
      row.forEach(piece -> all.append(piece.text()));
      still.add(List.of(new Piece(all.toString(), State.KEPT, 0)));
    }
    frames.add(still);
    AtomicFile.write(file.toAbsolutePath(), svg().getBytes(StandardCharsets.UTF_8));
  }

  private String svg() {
    int tallest = frames.stream().mapToInt(List::size).max().orElse(1);
    double width = COLUMNS * ADVANCE + 2 * MARGIN;
    int height = tallest * LINE + 2 * MARGIN;
    double share = 100.0 / (frames.size() - 1 + LAST);
    double all = SECONDS * (frames.size() - 1 + LAST);
    StringBuilder out = new StringBuilder();
    out.append(
        String.format(
            Locale.ROOT,
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" role="img">
            <title>%s</title>
            <style>
            text { font: 14px ui-monospace, Menlo, Consolas, monospace; fill: #24292f }
            .paper { fill: #f6f8fa } .masked { fill: #b6bec8 } .new { fill: #0a7d33; font-weight: bold }
            @media (prefers-color-scheme: dark) {
            text { fill: #d5dae1 } .paper { fill: #161b22 } .masked { fill: #4a525c } .new { fill: #4ac76b }
            }
            g { visibility: hidden; animation: frame %.1fs infinite }
            g:last-of-type { visibility: visible; animation-name: last }
            @keyframes frame { 0%%, %.3f%% { visibility: visible } %.3f%%, 100%% { visibility: hidden } }
            @keyframes last { 0%%, %.3f%% { visibility: visible } %.3f%%, 100%% { visibility: hidden } }
            @media (prefers-reduced-motion: reduce) { g { animation: none } }
            </style>
            <rect class="paper" width="100%%" height="100%%" rx="6"/>
            """,
            width,
            height,
            Markup.escaped(text),
            all,
            share - 0.001,
            share,
            share * LAST - 0.001,
            share * LAST));
    for (int f = 0; f < frames.size(); f++) {
      // Below 0: as if it had been running for long, so that the first round is like all others.
      out.append(
          String.format(Locale.ROOT, "<g style=\"animation-delay: %.1fs\">", f * SECONDS - all));
      for (int r = 0; r < frames.get(f).size(); r++) {
        row(out, frames.get(f).get(r), MARGIN + LINE * (r + 0.7));
      }
      out.append("</g>\n");
    }
    return out.append("</svg>\n").toString();
  }

  private static void row(StringBuilder out, List<Piece> row, double y) {
    int columns = 0;
    for (Piece piece : row) {
      String text = piece.text().strip(); // readers differ in what they make of spaces at the ends
      int indent = piece.text().length() - piece.text().stripLeading().length();
      if (!text.isEmpty()) {
        out.append(
            String.format(
                Locale.ROOT,
                "<text x=\"%.1f\" y=\"%.1f\" textLength=\"%.1f\"%s>%s</text>",
                MARGIN + (columns + indent) * ADVANCE,
                y,
                columns(text) * ADVANCE,
                looks(piece.state()),
                Markup.escaped(text)));
      }
      columns += columns(piece.text());
    }
  }

  private static int columns(String text) {
    return text.codePointCount(0, text.length());
  }

  private static String looks(State state) {
    return switch (state) {
      case MASKED -> " class=\"masked\"";
      case NEW -> " class=\"new\"";
      case KEPT, END -> "";
    };
  }

  @Override
  public boolean draws() {
    return other.draws();
  }

  @Override
  public void close() {
    other.close();
  }
}
