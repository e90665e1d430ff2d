package llada.experiments;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import llada.backend.Backend;
import llada.diffusion.ForwardProcess;
import llada.diffusion.NoisyBatch;
import llada.diffusion.Objective;
import llada.experiments.Report.Agreement;
import llada.plot.Chart;
import llada.plot.Series;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * Experiment 8: LLaDA's loss is that of D3PM with an absorbing state and that of MDLM. The three
 * are computed on the same masks from the same network; D3PM with uniform noise is the contrast.
 */
final class Lineage implements Experiment {
  private static final int LETTERS = 3;
  private static final int LENGTH = 4;
  private static final String NETWORK = "network";
  private static final String ABSORBING = "absorbing";
  private static final String UNIFORM = "uniform";

  @Override
  public String name() {
    return "lineage";
  }

  @Override
  public String title() {
    return "Lineage: D3PM, MDLM, LLaDA";
  }

  @Override
  public String claim() {
    return "The loss of masked diffusion is a weighted cross entropy at masked positions (eq. 3),"
        + " the simplified form of D3PM's with an absorbing state and of MDLM's in continuous time;"
        + " the best prediction depends on x_t only and not on t (eq. 11), so the network is not"
        + " told t.";
  }

  private static SmallModel.Recipe recipe(Size size) {
    return new SmallModel.Recipe(size.of(20, 400, 3000), 64, 2e-3);
  }

  private static int mostSteps(Size size) {
    return size.of(16, 256, 1024);
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("sequences", "%d letters, length %d".formatted(LETTERS, LENGTH));
    config.put("network", new SmallModel.Shape(16, 1, 1).toString());
    config.put("training", recipe(size).toString());
    config.put("longest chain", Integer.toString(mostSteps(size)));
    return config;
  }

  @Override
  public List<Job> jobs(Size size, List<Long> seeds, Inputs inputs) {
    List<Job> jobs = new ArrayList<>();
    for (long seed : seeds) {
      jobs.add(new Job(NETWORK, seed, (backend, rows) -> network(size, seed, backend, rows)));
      for (String noise : List.of(ABSORBING, UNIFORM)) {
        jobs.add(new Job(noise, seed, (_, rows) -> bestDenoiser(size, noise, seed, rows)));
      }
    }
    return jobs;
  }

  private static SmallDistribution truth(long seed) {
    return new SmallDistribution(LETTERS, LENGTH, 1.2, seed);
  }

  /** The same masks, three ways to weigh them. */
  private static void network(Size size, long seed, Backend backend, Job.Rows rows) {
    SmallDistribution truth = truth(seed);
    try (SmallModel model =
        new SmallModel(
            new SmallModel.Shape(16, 1, 1),
            EnumeratedModel.vocabulary(LETTERS),
            Objective.LLADA,
            LENGTH + 1,
            256,
            seed,
            backend)) {
      model.train(recipe(size), (count, random) -> EnumeratedModel.batch(truth, count, random));
      EnumeratedModel exact = EnumeratedModel.of(model, LETTERS, LENGTH);
      rows.add("same masks", "D3PM", sameMasks(truth, exact, seed)[0]);
      rows.add("same masks", "MDLM", sameMasks(truth, exact, seed)[1]);
      int[] x = truth.sample(RandomStreams.of(seed, Purpose.EXPERIMENT_HELD_OUT));
      double bound = exact.bound(x);
      for (Mdlm schedule : Mdlm.values()) {
        rows.add(
            "schedule",
            schedule.name().toLowerCase(Locale.ROOT),
            Math.abs(schedule.loss(exact, x, 20_000) - bound));
      }
    }
  }

  /**
   * The largest difference to LLaDA's loss over many sequences, each masked with a t of the chain.
   *
   * @return of D3PM and of MDLM, in nats
   */
  static double[] sameMasks(SmallDistribution truth, EnumeratedModel exact, long seed) {
    int steps = 64;
    D3pm chain = D3pm.absorbing(LETTERS, steps);
    SplittableRandom random = RandomStreams.of(seed, Purpose.EXPERIMENT_MEASURE);
    // eps 0, since neither of the others has it
    ForwardProcess process = new ForwardProcess(Objective.LLADA, 0, false, LETTERS);
    double[] most = new double[2];
    for (int n = 0; n < 2000; n++) {
      int[] x0 = truth.sample(random);
      int t = 1 + random.nextInt(steps);
      float share = (float) t / steps; // a power of 2, so without rounding
      float[][] u = new float[1][LENGTH];
      for (int i = 0; i < LENGTH; i++) {
        u[0][i] = (float) random.nextDouble();
      }
      NoisyBatch noisy = process.noise(new int[][] {x0}, null, new float[] {share}, u);
      int[] xt = noisy.xt().ids()[0];
      double[][] log = exact.conditionals(xt);
      double llada = 0;
      double mdlm = 0;
      for (int r = 0; r < noisy.rows().length; r++) {
        double ce = -log[noisy.rows()[r]][noisy.targets()[r]];
        llada += LENGTH * noisy.weights()[r] * ce; // published as a mean over tokens
        mdlm += Mdlm.LINEAR.weight((double) t / steps) * ce;
      }
      double d3pm = 0;
      for (int i = 0; i < LENGTH; i++) {
        double[] px0 = new double[LETTERS];
        for (int v = 0; v < LETTERS; v++) {
          px0[v] = xt[i] == LETTERS ? Math.exp(log[i][v]) : v == xt[i] ? 1 : 0;
        }
        d3pm += steps * chain.loss(t, xt[i], x0[i], px0); // t is one of T
      }
      most[0] = Math.max(most[0], Math.abs(d3pm - llada));
      most[1] = Math.max(most[1], Math.abs(mdlm - llada));
    }
    return most;
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
    double d3pm = results.of(NETWORK, "same masks", "D3PM").mean();
    double mdlm = results.of(NETWORK, "same masks", "MDLM").mean();
    report.finding(
        "D3PM-absorbing with a discrete chain has LLaDA's loss on the same masks",
        "largest difference %.1e nats over 2000 masked sequences (matrices and Bayes' rule against 1/t times cross entropy)"
            .formatted(d3pm),
        Agreement.of(d3pm < 1e-9));
    report.finding(
        "MDLM's continuous-time weight is LLaDA's",
        "largest difference %.1e nats on the same masks".formatted(mdlm),
        Agreement.of(mdlm < 1e-9));
    double schedules =
        Math.max(
            results.of(NETWORK, "schedule", "cosine").mean(),
            results.of(NETWORK, "schedule", "square").mean());
    report.finding(
        "the schedule does not matter in continuous time",
        "cosine and square schedules differ from the linear one's loss by at most %.1e nats"
            .formatted(schedules),
        Agreement.of(schedules < 1e-3));
    double absorbing = results.of(ABSORBING, "change with t").mean();
    Interval uniform = results.of(UNIFORM, "change with t");
    report.finding(
        "the best prediction does not depend on t (eq. 11)",
        "exact denoiser moves by %.1e with t; that of uniform noise by %s"
            .formatted(absorbing, uniform),
        Agreement.of(absorbing < 1e-9 && uniform.mean() > 0.01));
    List<Series> series = new ArrayList<>();
    for (String noise : List.of(ABSORBING, UNIFORM)) {
      series.add(results.series(noise, noise, "gap"));
    }
    report.heading("Two noises, exact denoisers");
    report.chart(
        "steps",
        Chart.lines(
            "Bound less entropy, by the length of the chain", "steps T", "nats", true, series),
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
