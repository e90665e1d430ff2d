package llada.diffusion;

/**
 * How a likelihood is estimated, by the names of the published get_log_likelihood().
 *
 * @param form which expectation is estimated
 * @param mcNum masked copies of the answer in all (Monte Carlo number), a multiple of batchSize
 * @param batchSize copies whose numbers of masks are drawn together, spread evenly
 * @param cfgScale classifier-free guidance w, 0 for none
 * @param antithetic whether every second copy is the mirror image of the one before; see {@link
 *     LikelihoodEstimator}
 */
public record LikelihoodOptions(
    Form form, int mcNum, int batchSize, double cfgScale, boolean antithetic) {

  /** The published defaults: the l-form, 128 copies in batches of 16. */
  public static final LikelihoodOptions DEFAULT = new LikelihoodOptions(Form.L, 128, 16, 0, false);

  /** The two expectations whose value is the same bound. */
  public enum Form {
    /**
     * LLaDA eq. 6 and 14: l ~ U{1..L} tokens are masked, without replacement, and weigh L / l. Of
     * little variance: 128 copies are enough.
     */
    L,
    /**
     * LLaDA eq. 3 and 12: t ~ U(0, 1), each token is masked with probability t and weighs 1 / t,
     * where t keeps the eps of training away from 0. Of large variance: more than 1000 copies are
     * needed.
     */
    T
  }

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException naming value, rule and remedy
   */
  public LikelihoodOptions {
    require(batchSize >= 1, "batch_size is %d; it must be at least 1", batchSize);
    require(
        mcNum >= 1 && mcNum % batchSize == 0,
        "mc_num is %d; it must be a positive multiple of batch_size, %d",
        mcNum,
        batchSize);
    require(
        cfgScale >= 0 && Double.isFinite(cfgScale),
        "cfg_scale is %s; it must be 0 or more",
        cfgScale);
    require(
        !antithetic || batchSize % 2 == 0,
        "batch_size is %d; antithetic copies come in pairs, so it must be even",
        batchSize);
  }

  /** Batches of copies. */
  public int batches() {
    return mcNum / batchSize;
  }

  private static void require(boolean holds, String rule, Object... values) {
    if (!holds) {
      throw new IllegalArgumentException(rule.formatted(values));
    }
  }
}
