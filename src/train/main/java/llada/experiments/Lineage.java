package llada.experiments;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.experiments.Claim.Term;
import llada.plot.Chart;
import llada.plot.Series;

/**
 * Experiment 8: chains of D3PM with two noises and exact denoisers. That the losses of D3PM with an
 * absorbing state, of MDLM and of LLaDA are one is algebra, and stands in the unit tests.
 */
final class Lineage implements Experiment {
  private static final int LETTERS = 3;
  private static final int LENGTH = 4;
  private static final String ABSORBING = "absorbing";
  private static final String UNIFORM = "uniform";

  @Override
  public String name() {
    return "lineage";
  }

  @Override
  public String title() {
    return "Lineage: D3PM's two noises";
  }

  @Override
  public String question() {
    return "The best prediction of masked diffusion depends on x_t only and not on t (eq. 11), so the"
        + " network is not told t. Does that hold for D3PM's other noise, and how long must a chain be"
        + " for its bound to be the entropy?";
  }

  @Override
  public String setUp() {
    return "Sequences of 4 letters are noised by chains of up to T steps, towards a mask or towards"
        + " random letters. The denoiser is exact, by Bayes' rule over all sequences. Matrices and"
        + " Bayes' rule are all that goes in, nothing of LLaDA's short form.";
  }

  @Override
  public String limits() {
    return "With exact denoisers nothing is said about which noise a network learns better.";
  }

  private static int mostSteps(Size size) {
    return size.of(16, 256, 1024);
  }

  @Override
  public List<Claim> claims(Size size) {
    Term none = Term.constant(0);
    String longest = Integer.toString(mostSteps(size));
    return List.of(
        new Claim(
            "with a mask the best prediction does not depend on t",
            "equal to rounding",
            Claim.Rule.equivalent(Term.of(ABSORBING, "change with t"), none, 1e-9)),
        new Claim(
            "with random letters it does",
            "probabilities move by 0.05 and more",
            Claim.Rule.superior(Term.of(UNIFORM, "change with t"), Term.constant(0.05))),
        new Claim(
            "longer chains close the gap to the entropy, with both noises",
            "below 0.02 nats with the longest",
            Claim.Rule.all(
                Claim.Rule.equivalent(Term.of(ABSORBING, "gap", longest), none, 0.02),
                Claim.Rule.equivalent(Term.of(UNIFORM, "gap", longest), none, 0.02))));
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("sequences", "%d letters, length %d".formatted(LETTERS, LENGTH));
    config.put("longest chain", Integer.toString(mostSteps(size)));
    return config;
  }

  @Override
  public List<Job> jobs(Setup setup) {
    List<Job> jobs = new ArrayList<>();
    for (long seed : setup.seeds()) {
      for (String noise : List.of(ABSORBING, UNIFORM)) {
        jobs.add(new Job(noise, seed, (_, rows) -> bestDenoiser(setup.size(), noise, seed, rows)));
      }
    }
    return jobs;
  }

  private static SmallDistribution truth(long seed) {
    return new SmallDistribution(LETTERS, LENGTH, 1.2, seed);
  }

  /** The bound of a chain whose denoiser is exact: q(x_0 | x_t) from Bayes' rule. */
  private static void bestDenoiser(Size size, String noise, long seed, Job.Rows rows) {
    SmallDistribution truth = truth(seed);
    rows.add("entropy", truth.entropy());
    for (int steps = 1; steps <= mostSteps(size); steps *= 2) {
      D3pm chain =
          noise.equals(ABSORBING) ? D3pm.absorbing(LETTERS, steps) : D3pm.uniform(LETTERS, steps);
      rows.add("gap", steps, bound(truth, chain) - truth.entropy());
    }
    D3pm chain = noise.equals(ABSORBING) ? D3pm.absorbing(LETTERS, 8) : D3pm.uniform(LETTERS, 8);
    rows.add("change with t", changeWithTime(truth, chain));
  }

  /** E -ln p is at most this: the sum of all L_t, expected over x_0 and x_t. */
  static double bound(SmallDistribution truth, D3pm chain) {
    double sum = 0;
    for (int t = 1; t <= chain.steps(); t++) {
      for (int[] xt : states(chain.states())) {
        Denoised denoised = denoise(truth, chain, t, xt);
        for (int i = 0; denoised.mass > 0 && i < LENGTH; i++) {
          for (int v = 0; v < LETTERS; v++) {
            double p = denoised.marginals[i][v];
            if (p > 0) {
              sum += denoised.mass * p * chain.loss(t, xt[i], v, denoised.marginals[i]);
            }
          }
        }
      }
    }
    return sum;
  }

  /**
   * What Bayes' rule says about x_0.
   *
   * @param mass q(x_t)
   * @param marginals (L, letters) q(x_0[i] | x_t)
   */
  private record Denoised(double mass, double[][] marginals) {}

  private static Denoised denoise(SmallDistribution truth, D3pm chain, int t, int[] xt) {
    double[] p = truth.p();
    double[][] marginals = new double[LENGTH][LETTERS];
    double mass = 0;
    for (int code = 0; code < p.length; code++) {
      int[] x0 = truth.sequence(code);
      double joint = p[code];
      for (int i = 0; i < LENGTH; i++) {
        joint *= chain.forward(t, x0[i], xt[i]);
      }
      mass += joint;
      for (int i = 0; i < LENGTH; i++) {
        marginals[i][x0[i]] += joint;
      }
    }
    for (double[] marginal : marginals) {
      for (int v = 0; v < LETTERS; v++) {
        marginal[v] /= mass;
      }
    }
    return new Denoised(mass, marginals);
  }

  /** How far the exact denoiser's probabilities move between t = T / 4 and t = 3 T / 4. */
  static double changeWithTime(SmallDistribution truth, D3pm chain) {
    double most = 0;
    for (int[] xt : states(chain.states())) {
      double[][] early = denoise(truth, chain, chain.steps() / 4, xt).marginals;
      double[][] late = denoise(truth, chain, 3 * chain.steps() / 4, xt).marginals;
      for (int i = 0; i < LENGTH; i++) {
        for (int v = 0; v < LETTERS; v++) {
          most = Math.max(most, Math.abs(early[i][v] - late[i][v]));
        }
      }
    }
    return most;
  }

  private static List<int[]> states(int states) {
    List<int[]> all = new ArrayList<>();
    for (int code = 0; code < Math.pow(states, LENGTH); code++) {
      int[] x = new int[LENGTH];
      int rest = code;
      for (int i = 0; i < LENGTH; i++) {
        x[i] = rest % states;
        rest /= states;
      }
      all.add(x);
    }
    return all;
  }

  @Override
  public void report(Results results, Report report) {
    List<Series> series = new ArrayList<>();
    for (String noise : List.of(ABSORBING, UNIFORM)) {
      series.add(results.series(noise, noise, "gap"));
    }
    report.heading("Two noises, exact denoisers");
    report.chart(
        "steps",
        Chart.lines(
                "Bound less entropy, by the length of the chain", "steps T", "nats", true, series)
            .withLogY(),
        "A chain of T steps with the best possible factorised denoiser. What is left above the"
            + " entropy is the price of revealing several tokens at once; it goes to 0 as T grows,"
            + " for both noises.");
    report.heading("Contrast");
    report.text(
        "With uniform noise a corrupted token looks like any other. The denoiser must be told t, and"
            + " the loss has terms at every position and does not become a cross entropy of masked"
            + " ones: nothing of LLaDA's short form is left.");
    List<List<String>> table = new ArrayList<>();
    for (String x : results.conditions(ABSORBING, "gap")) {
      table.add(
          List.of(
              x,
              results.of(ABSORBING, "gap", x).toString(),
              results.of(UNIFORM, "gap", x).toString()));
    }
    report.table(List.of("T", "absorbing: bound - entropy", "uniform: bound - entropy"), table);
  }
}
