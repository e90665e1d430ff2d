package llada.cli;

import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

/** One line for each step, for pipes, files and terminals that cannot draw. */
final class PlainStepView implements StepView {
  private final AnswerText text;
  private final int promptLength;
  private final PrintStream out;
  private int steps;

  PlainStepView(AnswerText text, int promptLength, PrintStream out) {
    this.text = text;
    this.promptLength = promptLength;
    this.out = out;
  }

  @Override
  public void step(Step step) {
    StringBuilder line = new StringBuilder();
    List<AnswerText.Piece> pieces = text.pieces(step.x()[0], promptLength, step.revealed()[0]);
    int digits = Integer.toString(step.totalSteps()).length();
    int total = AnswerText.steps(pieces, ++steps, step.totalSteps());
    line.append(String.format(Locale.ROOT, "step %" + digits + "d/%d  ", steps, total));
    for (AnswerText.Piece piece : pieces) {
      line.append(piece.text().replace("\n", "⏎"));
    }
    out.println(line);
    out.flush();
  }

  @Override
  public void finished() {}

  @Override
  public void close() {}
}
