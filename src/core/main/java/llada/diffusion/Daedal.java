package llada.diffusion;

/**
 * DAEDAL (Li et al. 2025, arXiv 2508.00819): the length of the answer is found while it is written.
 *
 * <pre>
 *   1. start with {@code initial} masks; as long as
 *        sum of p(EOS) over those of the last {@code window} positions whose proposal is EOS,
 *        / window,
 *      is below {@code complete}, add {@code step} masks
 *   2. in every step of the sampler, as long as the same mean is below {@code end}: the mask of the
 *      block with the least confidence, if that is below {@code low}, becomes {@code step} masks
 * </pre>
 *
 * <p>The published code differs in three things: its window is the last 32 positions whose proposal
 * is EOS, however far they lie from the end; filled positions count with what the model proposes
 * there, here as certain; and behind the length that stage 1 found it puts 16 EOS, which stay.
 *
 * <p>A cache is computed anew after masks were put in, and stage 2 only looks in steps that compute
 * the last positions.
 *
 * @param initial tokens to start with
 * @param window positions at the end that tell whether there is room enough
 * @param complete stage 1 ends there
 * @param step masks that are added
 * @param low a proposal with less confidence lacks room
 * @param end above it nothing is added
 */
public record Daedal(int initial, int window, double complete, int step, double low, double end) {
  /** As published: 64 tokens to start with, a window of 32, 8 masks at a time. */
  public Daedal() {
    this(64, 32, 0.5, 8, 0.1, 0.9);
  }

  /** Checks the numbers. */
  public Daedal {
    if (initial < 1 || window < 1 || step < 1) {
      throw new IllegalArgumentException(
          "DAEDAL starts with %d tokens, looks at %d and adds %d; all must be at least 1"
              .formatted(initial, window, step));
    }
    if (!(complete >= 0 && complete <= 1 && low >= 0 && low <= 1 && end >= 0 && end <= 1)) {
      throw new IllegalArgumentException(
          "DAEDAL's confidences are %s, %s and %s; they must be from 0 to 1"
              .formatted(complete, low, end));
    }
  }
}
