package llada.diffusion;

import static llada.diffusion.SettingException.require;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a model of block diffusion fills its blocks, by the names of the published generate() of
 * LLaDA2.0 and LLaDA2.1. Both have the same files, so which of the two decodes is a choice.
 *
 * @param blockLength tokens of a block, counted from the first token of the prompt; empty for the
 *     model's own
 * @param steps passes that a block takes at most; without editing
 * @param minimalTopK lowers steps to gen_length / minimal_topk; without editing
 * @param threshold proposals with a higher confidence are all kept
 * @param editing how what was filled in is replaced (LLaDA2.1); empty for not at all (LLaDA2.0)
 */
public record BlockOptions(
    OptionalInt blockLength,
    int steps,
    int minimalTopK,
    double threshold,
    Optional<Editing> editing) {
  /** LLaDA2.0 as published. */
  public static final BlockOptions DEFAULT =
      new BlockOptions(OptionalInt.empty(), 32, 1, 0.95, Optional.empty());

  /** LLaDA2.1 as its card has it for quality. */
  public static final BlockOptions QUALITY = DEFAULT.withThreshold(0.7).edited(0.5);

  /** LLaDA2.1 as its card has it for speed. */
  public static final BlockOptions SPEED = DEFAULT.withThreshold(0.5).edited(0);

  /**
   * Tokens of the block at hand are replaced where the model is sure of another.
   *
   * @param threshold a token gives way to one whose confidence is above; above 1 none ever does
   * @param maxPostSteps passes that a block takes at most after it has no mask
   * @param numToTransfer masks that a pass fills at least
   */
  public record Editing(double threshold, int maxPostSteps, int numToTransfer) {
    /** As published. */
    public static final int POST_STEPS = 16;

    /** Checks the numbers. */
    public Editing {
      require(threshold >= 0, "editing_threshold", " is %s; it must be 0 or more", threshold);
      require(maxPostSteps >= 0, "max_post_steps", " is %s; it must be 0 or more", maxPostSteps);
      require(
          numToTransfer >= 1, "num_to_transfer", " is %s; it must be at least 1", numToTransfer);
    }
  }

  /**
   * Checks the numbers.
   *
   * @throws SettingException naming value and rule
   */
  public BlockOptions {
    int length = blockLength.orElse(1);
    require(length >= 1, "block_length", " is %s; it must be at least 1", length);
    require(steps >= 1, "block_steps", " is %s; it must be at least 1", steps);
    require(minimalTopK >= 1, "minimal_topk", " is %s; it must be at least 1", minimalTopK);
    require(
        threshold >= 0 && threshold <= 1, "threshold", " is %s; it must be from 0 to 1", threshold);
  }

  /** Whether nothing but perhaps the length of a block differs from {@link #DEFAULT}. */
  boolean isPlain() {
    return withLength(OptionalInt.empty()).equals(DEFAULT);
  }

  /** These with another threshold. */
  public BlockOptions withThreshold(double other) {
    return new BlockOptions(blockLength, steps, minimalTopK, other, editing);
  }

  /** These with blocks of so many tokens. */
  public BlockOptions withBlockLength(int tokens) {
    return withLength(OptionalInt.of(tokens));
  }

  private BlockOptions withLength(OptionalInt tokens) {
    return new BlockOptions(tokens, steps, minimalTopK, threshold, editing);
  }

  /** These with editing above a threshold, the rest of it as published. */
  public BlockOptions edited(double above) {
    return edited(new Editing(above, Editing.POST_STEPS, 1));
  }

  /** These with editing. */
  public BlockOptions edited(Editing how) {
    return new BlockOptions(blockLength, steps, minimalTopK, threshold, Optional.of(how));
  }
}
