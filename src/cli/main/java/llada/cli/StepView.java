package llada.cli;

import llada.api.Step;

/** Shows the text being unmasked, step by step. */
interface StepView extends AutoCloseable {
  /** Shows the answer after a step. */
  void step(Step step);

  /** The answer is complete and will be printed as a result: a drawing of it makes way. */
  void finished();

  /** Leaves the terminal as it was found. What is drawn stays, unless {@link #finished} came. */
  @Override
  void close();

  /** Whether the view draws in place, and so ends its drawing with a line break when closed. */
  default boolean draws() {
    return false;
  }

  /** A view that shows nothing. */
  static StepView none() {
    return new StepView() {
      @Override
      public void step(Step step) {}

      @Override
      public void finished() {}

      @Override
      public void close() {}
    };
  }
}
