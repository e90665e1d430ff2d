package llada.diffusion.cache;

/**
 * Decides which positions a step computes. A policy keeps no state: all that it looks at is in the
 * {@link Progress}.
 */
public interface CachePolicy {
  /** The positions of the next step. All masks of the current block must be among them. */
  Plan plan(Progress progress);

  /** What the cache has to keep for this policy. */
  default Keeps keeps() {
    return Keeps.KEYS_AND_VALUES;
  }

  /** The contents of a cache. */
  enum Keeps {
    /** No cache. */
    NOTHING,
    /** Keys and values of every layer. */
    KEYS_AND_VALUES,
    /** Beside these, what attention and feed-forward of every layer gave. */
    OUTPUTS
  }
}
