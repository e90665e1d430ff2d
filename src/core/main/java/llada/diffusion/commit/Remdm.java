package llada.diffusion.commit;

/**
 * ReMDM (Wang et al. 2025, arXiv 2503.00307): true remasking. A token that was committed may be
 * taken back, and so be said better with what came since; quality grows with the number of steps.
 *
 * <p>With alpha = 1 - t the share of a block that is to be filled at time t, a step from t to s
 * masks each filled position again with probability sigma, at most
 *
 * <pre>
 *   sigma_max = min(1, (1 - alpha_s) / alpha_t)
 *   cap       sigma = min(eta, sigma_max)
 *   rescale   sigma = eta * sigma_max
 *   conf      sigma = sigma_max * softmax(-c)[i]     c the confidence when i was committed
 *   loop      alpha rises to 0.9 until t = 0.55, stays there with cap until t = 0.05, then ends
 * </pre>
 *
 * and commits as many more, those with the highest score, so that alpha_s are filled. The last step
 * takes nothing back. The paper draws from the posterior where this takes the best, as LLaDA does.
 *
 * <p>Give it more steps than tokens: with one a token it has little to mend.
 *
 * @param strategy how sigma is found
 * @param eta its size; 0.008 for cap, 0.015 for rescale, 0.02 for loop; conf has none
 */
public record Remdm(Strategy strategy, double eta) implements CommitRule {
  private static final double LOOP_ON = 0.55;
  private static final double LOOP_OFF = 0.05;
  private static final double LOOP_ALPHA = 0.9;

  /** How the probability of being taken back is found. */
  public enum Strategy {
    /** A constant. */
    CAP(0.008),
    /** A share of the largest possible. */
    RESCALE(0.015),
    /** More for tokens of low confidence. */
    CONF(1),
    /** Fill, mend, finish. */
    LOOP(0.02);

    private final double eta;

    Strategy(double eta) {
      this.eta = eta;
    }
  }

  /** With the paper's eta. */
  public Remdm(Strategy strategy) {
    this(strategy, strategy.eta);
  }

  /** Checks eta. */
  public Remdm {
    Rules.within("eta of ReMDM", eta, 0, 1);
  }

  @Override
  public void choose(Candidates candidates, Choice choice) {
    int steps = candidates.schedule().steps();
    int step = Math.min(candidates.schedule().step(), steps - 1);
    double t = 1 - (double) step / steps;
    double s = 1 - (step + 1.0) / steps;
    Candidates.Settled settled = candidates.settled();
    double[] sigma = sigma(alpha(t), alpha(s), t, settled.confidence());
    int back = 0;
    for (int i = 0; i < sigma.length; i++) {
      if (settled.random().applyAsDouble(settled.position()[i]) < sigma[i]) {
        choice.takeBack(settled.position()[i]);
        back++;
      }
    }
    int block = candidates.size() + sigma.length;
    int masksLeft = (int) Math.round(block * (1 - alpha(s)));
    candidates.commitBest(Math.max(0, candidates.size() + back - masksLeft), choice);
  }

  private double alpha(double t) {
    if (strategy != Strategy.LOOP) {
      return 1 - t;
    }
    if (t > LOOP_ON) {
      return LOOP_ALPHA * (1 - t) / (1 - LOOP_ON);
    }
    return t > LOOP_OFF ? LOOP_ALPHA : LOOP_ALPHA + (1 - LOOP_ALPHA) * (1 - t / LOOP_OFF);
  }

  /** The probability of being taken back of each token, by its confidence when committed. */
  double[] sigma(double alphaT, double alphaS, double t, double[] confidence) {
    double most = alphaT <= 0 ? 1 : Math.clamp((1 - alphaS) / alphaT, 0, 1);
    double[] sigma = new double[confidence.length];
    double total = 0;
    for (double c : confidence) {
      total += Math.exp(-c);
    }
    for (int i = 0; i < sigma.length; i++) {
      sigma[i] =
          switch (strategy) {
            case CAP -> Math.min(eta, most);
            case RESCALE -> eta * most;
            case CONF -> eta * most * Math.exp(-confidence[i]) / total;
            case LOOP -> t > LOOP_OFF && t <= LOOP_ON ? Math.min(eta, most) : 0;
          };
    }
    return sigma;
  }

  @Override
  public boolean takesBack() {
    return true;
  }

  @Override
  public boolean adaptive() {
    return false;
  }
}
