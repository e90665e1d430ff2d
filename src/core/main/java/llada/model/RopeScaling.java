package llada.model;

/**
 * How rotary frequencies are stretched for longer texts than a model was first trained on.
 */
public sealed interface RopeScaling {
  /** They are not. */
  RopeScaling NONE = new None();

  /** They are not. */
  record None() implements RopeScaling {}

  /**
   * LLaMA 3.1: long waves are stretched by {@code factor}, short ones are left, and those between
   * lie between.
   */
  record Llama3(double factor, double lowFactor, double highFactor, int originalLength)
      implements RopeScaling {}
}
