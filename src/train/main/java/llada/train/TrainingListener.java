package llada.train;

import java.nio.file.Path;

/** Hears how a run goes. */
public interface TrainingListener {
  /**
   * A step that was made.
   *
   * @param step its number, from 1
   * @param steps of the run
   * @param loss weighted, as trained
   * @param learningRate of the step
   * @param gradientNorm before clipping
   * @param tokens that the network saw
   * @param seconds that it took
   * @param byNoise (5) the cross-entropy of masked tokens by {@link LossByNoise}, NaN for none
   */
  record Step(
      long step,
      long steps,
      double loss,
      double learningRate,
      double gradientNorm,
      long tokens,
      double seconds,
      double[] byNoise) {}

  /** After every step. */
  default void step(Step step) {}

  /** After the validation that follows step {@code step}. */
  default void validated(long step, Validation validation) {}

  /** When a checkpoint is complete. */
  default void saved(long step, Path checkpoint) {}

  /** When it is time to look at what the network writes. */
  default void sample(long step) {}

  /** What the network wrote when it was looked at. */
  default void sampled(long step, String text) {}

  /** A line about the run, such as how large it is. */
  default void told(String line) {}

  /** A line about damage that was found and gone around. */
  default void warned(String line) {}
}
