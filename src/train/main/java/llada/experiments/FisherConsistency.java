package llada.experiments;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import llada.backend.Backend;
import llada.diffusion.Objective;
import llada.diffusion.RandomSource;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * Experiment 2: Fisher consistency and the bound, on a distribution over 256 sequences, where
 * likelihoods are sums and not estimates.
 */
final class FisherConsistency implements Experiment {
  private static final int LETTERS = 2;
  private static final int LENGTH = 8;
  static final int DIM = 32;
  private static final double BERT_SHARE = 0.15;
  static final String FRESH = "fresh";
  static final String NO_START = "fresh without start";

  @Override
  public String name() {
    return "fisher";
  }

  @Override
  public String title() {
    return "Fisher consistency and the bound";
  }

  @Override
  public String claim() {
    return "LLaDA's loss is an upper bound of the negative log-likelihood (eq. 4), which makes it a"
        + " generative principle: with infinite data, a large enough network and optimal training"
        + " the true distribution is recovered (Fisher consistency). A fixed mask ratio as BERT's"
        + " has no such bound. The loss equals that of an any-order autoregressive model (eq. 15),"
        + " and its l-form (eq. 14) varies less than its t-form (eq. 12): 128 samples suffice"
        + " where the t-form needs more than 1000.";
  }

  private static SmallModel.Shape shape(int dim) {
    return new SmallModel.Shape(dim, 2, Math.max(1, dim / 8));
  }

  private static SmallModel.Recipe recipe(Size size) {
    return new SmallModel.Recipe(size.of(30, 4000, 20000), 64, 1e-3);
  }

  private static List<Integer> dims(Size size) {
    return switch (size) {
      case TINY -> List.of(8);
      case SMALL -> List.of(4, 8, 16);
      case LARGE -> List.of(4, 8, 16, 64);
    };
  }

  private static List<Integer> dataSizes(Size size) {
    return switch (size) {
      case TINY -> List.of(30);
      case SMALL -> List.of(30, 100, 300, 1000);
      case LARGE -> List.of(30, 100, 300, 1000, 3000, 10000);
    };
  }

  static SmallDistribution truth() {
    return new SmallDistribution(LETTERS, LENGTH, 1, 2502);
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put(
        "sequences",
        "%d letters, length %d behind a start, random pair couplings".formatted(LETTERS, LENGTH));
    config.put("network", shape(DIM).toString());
    config.put("training", recipe(size).toString());
    config.put("widths tried", dims(size).toString());
    config.put("data sets tried", dataSizes(size) + " sequences, and a fresh one each time");
    return config;
  }

  @Override
  public List<Job> jobs(Size size, List<Long> seeds, Inputs inputs) {
    List<Job> jobs = new ArrayList<>();
    for (long seed : seeds) {
      for (Objective objective : List.of(Objective.LLADA, Objective.BERT15)) {
        job(jobs, size, objective, FRESH, DIM, seed);
        for (int data : dataSizes(size)) {
          job(jobs, size, objective, Integer.toString(data), DIM, seed);
        }
        for (int dim : dims(size)) {
          job(jobs, size, objective, FRESH, dim, seed);
        }
      }
      job(jobs, size, Objective.MASKGIT, FRESH, DIM, seed);
      job(jobs, size, Objective.LLADA, NO_START, DIM, seed);
    }
    return jobs;
  }

  static String arm(Objective objective, String data, int dim) {
    return "%s data %s width %d".formatted(objective, data, dim);
  }

  private static void job(
      List<Job> jobs, Size size, Objective objective, String data, int dim, long seed) {
    jobs.add(
        new Job(
            arm(objective, data, dim),
            seed,
            (backend, rows) -> measure(size, objective, data, dim, seed, backend, rows)));
  }

  private static void measure(
      Size size,
      Objective objective,
      String data,
      int dim,
      long seed,
      Backend backend,
      Job.Rows rows) {
    SmallDistribution truth = truth();
    try (SmallModel model =
        new SmallModel(
            shape(dim),
            EnumeratedModel.vocabulary(LETTERS),
            objective,
            LENGTH + 1,
            512,
            seed,
            backend)) {
      model.train(recipe(size), source(truth, data, seed));
      EnumeratedModel exact = EnumeratedModel.of(model, LETTERS, LENGTH, !data.equals(NO_START));
      double[] p = new double[truth.size()];
      double[] bound = new double[truth.size()];
      double[] fixed = new double[truth.size()];
      double boundBroken = 0;
      double fixedBroken = 0;
      for (int code = 0; code < p.length; code++) {
        int[] x = truth.sequence(code);
        p[code] = exact.probability(x);
        bound[code] = exact.bound(x);
        fixed[code] = exact.fixedRatioLoss(x, BERT_SHARE);
        boundBroken += bound[code] < -Math.log(p[code]) - 1e-9 ? 1 : 0;
        fixedBroken += fixed[code] < -Math.log(p[code]) - 1e-9 ? 1 : 0;
      }
      double nats = truth.crossEntropy(p);
      rows.add("kl", nats - truth.entropy());
      rows.add("nll", nats);
      rows.add("bound", truth.mean(bound));
      rows.add("fixed ratio loss", truth.mean(fixed));
      rows.add("bound broken", boundBroken / p.length);
      rows.add("fixed ratio broken", fixedBroken / p.length);
      if (data.equals(FRESH) && dim == DIM && objective == Objective.LLADA) {
        estimators(size, truth, exact, seed, rows);
      }
      if (data.equals(FRESH) && dim == DIM) {
        rows.add("chi2", chiSquared(size, model, truth, p, seed));
      }
    }
  }

  private static SmallModel.Source source(SmallDistribution truth, String data, long seed) {
    if (data.equals(FRESH)) {
      return (count, random) -> EnumeratedModel.batch(truth, count, random);
    }
    if (data.equals(NO_START)) {
      return (count, random) ->
          SmallModel.Source.batch(
              Stream.generate(() -> truth.sample(random)).limit(count).toArray(int[][]::new));
    }
    SplittableRandom once = RandomStreams.of(seed, Purpose.EXPERIMENT_DATA);
    int[][] set = EnumeratedModel.batch(truth, Integer.parseInt(data), once).x0();
    return (count, random) ->
        SmallModel.Source.batch(
            Stream.generate(() -> set[random.nextInt(set.length)])
                .limit(count)
                .toArray(int[][]::new),
            1);
  }

  /**
   * Mean, error and spread of the three ways to estimate the same number, over some sequences; the
   * spread is that of the samples of one sequence.
   */
  private static void estimators(
      Size size, SmallDistribution truth, EnumeratedModel exact, long seed, Job.Rows rows) {
    int sequences = 20;
    int samples = size.of(100, 20_000, 100_000); // of each
    SplittableRandom drawn = RandomStreams.of(0, Purpose.EXPERIMENT_HELD_OUT); // for all seeds
    SplittableRandom random = RandomStreams.of(seed, Purpose.EXPERIMENT_MEASURE);
    double bound = 0;
    double orders = 0;
    double[] mean = new double[3];
    double[] variance = new double[3];
    double[][] values = new double[3][samples];
    for (int n = 0; n < sequences; n++) {
      int[] x = truth.sample(drawn);
      bound += exact.bound(x) / sequences;
      orders += exact.chainRule(x) / sequences;
      for (int i = 0; i < samples; i++) {
        values[0][i] = exact.tForm(x, random);
        values[1][i] = exact.lForm(x, random);
        values[2][i] = exact.chainRule(x, random);
      }
      for (int e = 0; e < values.length; e++) {
        double own = Arrays.stream(values[e]).average().orElseThrow();
        mean[e] += own / sequences;
        variance[e] +=
            Arrays.stream(values[e]).map(v -> (v - own) * (v - own)).sum()
                / (samples - 1)
                / sequences;
      }
    }
    rows.add("estimate", "exact", bound);
    rows.add("estimate", "all orders", orders);
    String[] names = {"t-form", "l-form", "chain rule"};
    for (int e = 0; e < names.length; e++) {
      double error = Math.sqrt(variance[e] / samples / sequences);
      rows.add("estimate", names[e], mean[e]);
      rows.add("deviation", names[e], Math.sqrt(variance[e]));
      rows.add("error", names[e], error);
      rows.add("off by errors", names[e], (mean[e] - bound) / error);
    }
  }

  /**
   * What the real sampler writes, against the sum over all orders: chi-squared a degree of freedom,
   * which is about 1 if both are the same distribution.
   */
  private static double chiSquared(
      Size size, SmallModel model, SmallDistribution truth, double[] p, long seed) {
    int samples = size.of(256, 8192, 65536);
    SamplerOptions options =
        SamplerOptions.defaults().toBuilder()
            .lengths(LENGTH, LENGTH, LENGTH)
            .temperature(1)
            .remasking(Remasking.RANDOM)
            .build();
    int[][] starts = new int[samples][];
    Arrays.fill(starts, EnumeratedModel.started(LETTERS, new int[0]));
    int[][] written = model.generate(starts, options, RandomSource.seeded(seed));
    int[] counts = new int[p.length];
    for (int[] x : written) {
      counts[truth.code(x)]++;
    }
    double sum = 0;
    double rest = samples;
    double restExpected = samples;
    int bins = 0;
    for (int code = 0; code < p.length; code++) {
      double expected = p[code] * samples;
      if (expected >= 5) {
        sum += (counts[code] - expected) * (counts[code] - expected) / expected;
        rest -= counts[code];
        restExpected -= expected;
        bins++;
      }
    }
    sum += restExpected < 1 ? 0 : (rest - restExpected) * (rest - restExpected) / restExpected;
    return sum / Math.max(1, bins);
  }

  @Override
  public void report(Results results, Report report) {
    FisherReport.write(results, report);
  }
}
