package llada.train;

import java.util.LinkedHashMap;
import java.util.Map;
import llada.diffusion.ForwardProcess;

/**
 * All that decides what a run computes; a run is resumed with the same plan or not at all.
 *
 * @param steps optimizer steps in all
 * @param batch sequences of a forward pass
 * @param accumulate forward passes of a step, their gradients averaged
 * @param process how sequences are masked
 * @param learningRate of each step
 * @param adamW how weights move
 * @param emaDecay of the averaged weights; 0 for none
 * @param seed of order, lengths and masks
 * @param validationSamples maskings of each validation sequence
 * @param settings everything as the user wrote it, by option, for the comparison on resuming
 * @param notes what else checkpoints say about the run, such as where its data was; not compared
 */
public record TrainingPlan(
    long steps,
    int batch,
    int accumulate,
    ForwardProcess process,
    LearningRate learningRate,
    AdamW.Options adamW,
    double emaDecay,
    long seed,
    int validationSamples,
    Map<String, String> settings,
    Map<String, String> notes) {
  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException naming the one that is wrong
   */
  public TrainingPlan {
    least("steps", steps, 1);
    least("batch", batch, 1);
    least("accumulate", accumulate, 1);
    least("validation samples", validationSamples, 1);
    settings = new LinkedHashMap<>(settings);
    notes = new LinkedHashMap<>(notes);
  }

  private static void least(String name, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(
          "%s is %d; it must be at least %d".formatted(name, value, least));
    }
  }
}
