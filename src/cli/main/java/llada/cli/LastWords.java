package llada.cli;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import llada.api.Next;
import llada.api.Step;

/**
 * What is still to be done when the process is ended by a signal, such as Ctrl-C: the terminal is
 * put in order, what was drawn stays, and one line says how far it came. The JVM then ends with 128
 * + the signal's number, 130 for Ctrl-C.
 */
final class LastWords implements AutoCloseable {
  private final Console console;
  private final StepView view;
  private final Thread hook = new Thread(this::speak, "last words");
  private final AtomicInteger steps = new AtomicInteger();
  private volatile int totalSteps;

  private LastWords(Console console, StepView view) {
    this.console = console;
    this.view = view;
  }

  /** Arranges for the view to be closed when the process ends before {@link #close}. */
  static LastWords onExit(Console console, StepView view) {
    LastWords words = new LastWords(console, view);
    Runtime.getRuntime().addShutdownHook(words.hook);
    return words;
  }

  /** The view, watched for how far it came. */
  Function<Step, Next> watch() {
    return step -> {
      totalSteps = step.of();
      steps.incrementAndGet();
      view.step(step);
      return Next.CONTINUE;
    };
  }

  private void speak() {
    view.close();
    if (console.errIsTerminal() && !view.draws()) {
      console.err().println(); // the terminal has just written ^C
    }
    console.message(
        steps.get() == 0
            ? "stopped before the first step"
            : "stopped after step %d%s"
                .formatted(steps.get(), totalSteps == 0 ? "" : " of " + totalSteps));
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException _) {
      // The process is already ending and the hook is at work.
    }
  }
}
