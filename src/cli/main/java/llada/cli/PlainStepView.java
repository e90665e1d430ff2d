package llada.cli;

import java.io.PrintStream;
import llada.api.Step;

/** One line for each step, for pipes, files and terminals that cannot draw. */
final class PlainStepView implements StepView {
  private final PrintStream out;

  PlainStepView(PrintStream out) {
    this.out = out;
  }

  @Override
  public void step(Step step) {
    StringBuilder line = new StringBuilder();
    if (step.of() == 0) {
      line.append("step %d  ".formatted(step.number()));
    } else {
      int digits = Integer.toString(step.of()).length();
      line.append(("step %" + digits + "d/%d  ").formatted(step.number(), step.most()));
    }
    step.pieces().forEach(piece -> line.append(piece.text().replace("\n", "⏎")));
    out.println(line);
    out.flush();
  }

  @Override
  public void finished() {}

  @Override
  public void close() {}
}
