package llada.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Locale;
import llada.api.AnswerText;
import llada.train.TrainingListener;
import llada.train.Validation;

/**
 * Tells how a run goes: on a terminal a line that is drawn again and again, elsewhere one every ten
 * seconds.
 */
final class TrainProgress implements TrainingListener {
  private static final double FORGET = 0.95; // for the mean of losses and times
  private static final long TERMINAL_NANOS = 200_000_000L;
  private static final long LINE_NANOS = 10_000_000_000L;

  private final Console console;
  private final PrintStream err;
  private final boolean terminal;
  private final boolean quiet;
  private double loss = Double.NaN;
  private double seconds = Double.NaN;
  private double tokens = Double.NaN;
  private long shownAt;

  TrainProgress(Console console, boolean quiet) {
    this.console = console;
    this.err = console.err();
    this.terminal = console.errIsTerminal();
    this.quiet = quiet;
  }

  @Override
  public void step(Step step) {
    loss = mean(loss, step.loss());
    seconds = mean(seconds, step.seconds());
    tokens = mean(tokens, (double) step.tokens());
    long now = System.nanoTime();
    boolean last = step.step() == step.steps();
    if (quiet || !last && now - shownAt < (terminal ? TERMINAL_NANOS : LINE_NANOS)) {
      return;
    }
    shownAt = now;
    say(
        String.format(
            Locale.ROOT,
            "step %d/%d  loss %.4f  lr %.2e  %,.0f tokens/s  ETA %s",
            step.step(),
            step.steps(),
            loss,
            step.learningRate(),
            tokens / seconds,
            time(seconds * (step.steps() - step.step()))),
        false);
  }

  private static double mean(double old, double now) {
    return Double.isNaN(old) ? now : FORGET * old + (1 - FORGET) * now;
  }

  /** Minutes and seconds, with hours where there are any. */
  static String time(double seconds) {
    long s = Math.round(seconds);
    return s >= 3600
        ? "%d:%02d:%02d".formatted(s / 3600, s / 60 % 60, s % 60)
        : "%d:%02d".formatted(s / 60, s % 60);
  }

  private void say(String line, boolean stays) {
    if (quiet) {
      return;
    }
    if (terminal) {
      err.print("\r\033[K" + line + (stays ? "\n" : ""));
    } else {
      err.println(line);
    }
    err.flush();
  }

  @Override
  public void validated(long step, Validation found) {
    say(
        String.format(
            Locale.ROOT,
            "step %d  validation bound %.4f nats/token (perplexity %.2f)",
            step,
            found.nats(),
            found.perplexity()),
        true);
  }

  @Override
  public void saved(long step, Path checkpoint) {
    say("step %d  saved %s".formatted(step, checkpoint), true);
  }

  @Override
  public void sampled(long step, String text) {
    String line = "step %d  sample: %s".formatted(step, text.strip().replace('\n', ' '));
    say(AnswerText.printable(line), true);
  }

  @Override
  public void told(String line) {
    say(line, true);
  }

  @Override
  public void warned(String line) {
    console.message(line);
  }
}
