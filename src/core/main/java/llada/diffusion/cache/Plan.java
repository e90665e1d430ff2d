package llada.diffusion.cache;

/**
 * The positions that a step computes.
 *
 * @param computed (B, n) ascending positions of each sequence; null for all positions of all
 * @param ratio the share of them that layers after the first compute; 1 for all
 */
public record Plan(int[][] computed, double ratio) {
  /** A refresh: everything is computed, nothing stale is read. */
  public static final Plan ALL = new Plan(null, 1);

  /** These positions in every layer. */
  public Plan(int[][] computed) {
    this(computed, 1);
  }
}
