package llada.experiments;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import llada.backend.Backend;
import llada.diffusion.Objective;
import llada.diffusion.RandomSource;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.experiments.Report.Agreement;
import llada.plot.Chart;
import llada.plot.Series;

/**
 * Experiment 2: Fisher consistency and the bound, on a distribution over 64 sequences, where
 * likelihoods are sums and not estimates.
 */
final class FisherConsistency implements Experiment {
  private static final int LETTERS = 2;
  private static final int LENGTH = 6;
  private static final int DIM = 32;
  private static final double BERT_SHARE = 0.15;
  private static final String FRESH = "fresh";

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
    return new SmallModel.Shape(dim, 2, Math.max(1, dim / 16));
  }

  private static SmallModel.Recipe recipe(Size size) {
    return new SmallModel.Recipe(size.of(30, 4000, 20000), 64, 4e-3);
  }

  private static List<Integer> dims(Size size) {
    return switch (size) {
      case TINY -> List.of(8);
      case SMALL -> List.of(4, 8);
      case LARGE -> List.of(4, 8, 16, 64);
    };
  }

  private static List<Integer> dataSizes(Size size) {
    return switch (size) {
      case TINY -> List.of(30);
      case SMALL -> List.of(30, 300);
      case LARGE -> List.of(30, 100, 300, 1000, 3000, 10000);
    };
  }

  private static SmallDistribution truth() {
    return new SmallDistribution(LETTERS, LENGTH, 1, 2502);
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put(
        "sequences", "%d letters, length %d, random pair couplings".formatted(LETTERS, LENGTH));
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
    }
    return jobs;
  }

  private static String arm(Objective objective, String data, int dim) {
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
            new SmallModel.Vocabulary(LETTERS + 1, LETTERS),
            objective,
            LENGTH,
            512,
            seed,
            backend)) {
      model.train(recipe(size), source(truth, data, seed));
      EnumeratedModel exact = EnumeratedModel.of(model, LETTERS, LENGTH);
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
      return (count, random) -> SmallModel.Source.batch(draw(truth, count, random));
    }
    int[][] set = draw(truth, Integer.parseInt(data), new SplittableRandom(seed + 17));
    return (count, random) -> {
      int[][] x0 = new int[count][];
      for (int b = 0; b < count; b++) {
        x0[b] = set[random.nextInt(set.length)];
      }
      return SmallModel.Source.batch(x0);
    };
  }

  private static int[][] draw(SmallDistribution truth, int count, SplittableRandom random) {
    int[][] x0 = new int[count][];
    for (int b = 0; b < count; b++) {
      x0[b] = truth.sample(random);
    }
    return x0;
  }

  /** Mean, error and spread of the three ways to estimate the same number. */
  private static void estimators(
      Size size, SmallDistribution truth, EnumeratedModel exact, long seed, Job.Rows rows) {
    SplittableRandom random = new SplittableRandom(seed);
    int samples = size.of(2000, 200_000, 1_000_000);
    double[] t = new double[samples];
    double[] l = new double[samples];
    double[] chain = new double[samples];
    int[] x = truth.sample(new SplittableRandom(1)); // one sequence, the same for all seeds
    for (int i = 0; i < samples; i++) {
      t[i] = exact.tForm(x, random);
      l[i] = exact.lForm(x, random);
      chain[i] = exact.chainRule(x, random);
    }
    rows.add("estimate", "exact", exact.bound(x));
    rows.add("estimate", "all orders", exact.chainRule(x));
    double[][] all = {t, l, chain};
    String[] names = {"t-form", "l-form", "chain rule"};
    for (int e = 0; e < all.length; e++) {
      double deviation = deviation(all[e]);
      double mean = Interval.of(all[e]).mean();
      rows.add("estimate", names[e], mean);
      rows.add("deviation", names[e], deviation);
      rows.add("error", names[e], deviation / Math.sqrt(samples));
      rows.add("off by errors", names[e], (mean - exact.bound(x)) / deviation * Math.sqrt(samples));
    }
  }

  private static double deviation(double[] values) {
    double mean = Interval.of(values).mean();
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return Math.sqrt(squares / (values.length - 1));
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
    int[][] written = model.generate(new int[samples][0], options, RandomSource.seeded(seed));
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
    String llada = arm(Objective.LLADA, FRESH, DIM);
    String bert = arm(Objective.BERT15, FRESH, DIM);
    String maskgit = arm(Objective.MASKGIT, FRESH, DIM);
    Interval kl = results.of(llada, "kl");
    Interval klBert = results.of(bert, "kl");
    report.finding(
        "the loss is an upper bound of -ln p",
        "broken on %s of the 64 sequences, loss %s, -ln p %s"
            .formatted(
                results.of(llada, "bound broken").percent(),
                results.of(llada, "bound"),
                results.of(llada, "nll")),
        Agreement.of(results.of(llada, "bound broken").mean() == 0));
    Interval fixed = results.of(bert, "fixed ratio loss");
    report.finding(
        "the loss at a fixed 15 % is none",
        "below -ln p on %s of the sequences; on average %s, -ln p %s"
            .formatted(
                results.of(bert, "fixed ratio broken").percent(), fixed, results.of(bert, "nll")),
        Agreement.of(fixed.below(results.of(bert, "nll"))));
    List<Series> byData = byData(results);
    List<Series.Point> points = byData.getFirst().points();
    boolean data = points.getFirst().low() > points.getLast().high();
    report.finding(
        "with more data the truth is recovered",
        "KL %s with %s sequences, %s with a fresh one each time"
            .formatted(three(points.getFirst().y()), number(points.getFirst().x()), kl),
        Agreement.of(data && kl.mean() < 0.05, data));
    List<Series.Point> capacity = byWidth(results).getFirst().points();
    boolean wide = capacity.getFirst().low() > capacity.getLast().high();
    report.finding(
        "with more capacity the truth is recovered",
        "KL %s at width %s, %s at width %d"
            .formatted(three(capacity.getFirst().y()), number(capacity.getFirst().x()), kl, DIM),
        Agreement.of(wide && kl.mean() < 0.05, wide));
    report.finding(
        "not so for a fixed 15 %",
        "KL %s, with the same data and network".formatted(klBert),
        Agreement.of(kl.below(klBert) && klBert.mean() > 5 * kl.mean(), kl.below(klBert)));
    double orders =
        results.of(llada, "estimate", "all orders").mean()
            - results.of(llada, "estimate", "exact").mean();
    double off = results.of(llada, "off by errors", "chain rule").mean();
    double offT = results.of(llada, "off by errors", "t-form").mean();
    report.finding(
        "chain rule averaged over orders = t-form",
        String.format(
            Locale.ROOT,
            "all 720 orders differ from the exact sum by %.1e; estimates are off by %.2f (chain) and %.2f (t-form) standard errors",
            Math.abs(orders),
            off,
            offT),
        Agreement.of(Math.abs(orders) < 1e-9 && Math.abs(off) < 3 && Math.abs(offT) < 3));
    Interval t = results.of(llada, "deviation", "t-form");
    Interval l = results.of(llada, "deviation", "l-form");
    double ratio = Math.pow(t.mean() / l.mean(), 2);
    report.finding(
        "the l-form varies less; 128 samples do for over 1000 of the t-form (8 times fewer)",
        String.format(
            Locale.ROOT,
            "deviation of a sample %s (t-form), %s (l-form): %.1f times fewer samples",
            t,
            l,
            ratio),
        Agreement.of(ratio >= 8, l.below(t)));
    report.finding(
        "the sampler's distribution is the sum over orders",
        "chi-squared a degree of freedom %s".formatted(results.of(llada, "chi2")),
        Agreement.of(Math.abs(results.of(llada, "chi2").mean() - 1) < 0.25));
    report.heading("More data");
    report.chart(
        "data",
        Chart.lines(
            "KL from the truth to what is sampled, by training data",
            "distinct training sequences drawn (the last point: never the same twice)",
            "nats",
            true,
            byData),
        "The network is always the same. KL is exact: the sampler's probability of each sequence is"
            + " a sum over all orders of revealing.");
    report.heading("More capacity");
    report.chart(
        "capacity",
        Chart.lines(
            "KL from the truth to what is sampled, by width",
            "channels",
            "nats",
            true,
            byWidth(results)),
        "Fresh sequences in each step. The fixed ratio hardly ever sees a sequence that is wholly"
            + " masked (once in 88,000), so its first tokens are guesses.");
    report.heading("All objectives");
    List<List<String>> table = new ArrayList<>();
    for (String arm : List.of(llada, bert, maskgit)) {
      table.add(
          List.of(
              arm,
              results.of(arm, "kl").toString(),
              results.of(arm, "nll").toString(),
              results.of(arm, "bound").toString(),
              results.of(arm, "fixed ratio loss").toString(),
              results.of(arm, "chi2").toString()));
    }
    report.table(
        List.of("arm", "KL", "-ln p", "bound (eq. 3)", "loss at 15 %", "chi² / df of the sampler"),
        table);
    report.text(
        "Entropy of the truth: %s nats. MaskGIT's objective, without the weight 1/t, ends near the truth as well: each conditional distribution has its own optimum, whatever its weight, so it is consistent too, given enough capacity; only its loss says nothing about the likelihood."
            .formatted(three(truth().entropy())));
    report.heading("Estimators");
    List<List<String>> estimators = new ArrayList<>();
    for (String e : List.of("t-form", "l-form", "chain rule")) {
      estimators.add(
          List.of(
              e,
              results.of(llada, "estimate", e).toString(),
              results.of(llada, "deviation", e).toString(),
              results.of(llada, "off by errors", e).toString()));
    }
    report.table(
        List.of("estimator", "mean", "deviation of a sample", "off the exact value, in errors"),
        estimators);
  }

  private static List<Series> byData(Results results) {
    return series(results, "data (\\d+|fresh) width " + DIM, true);
  }

  private static List<Series> byWidth(Results results) {
    return series(results, "data fresh width (\\d+)", false);
  }

  private static List<Series> series(Results results, String pattern, boolean data) {
    List<Series> all = new ArrayList<>();
    for (Objective objective : List.of(Objective.LLADA, Objective.BERT15)) {
      List<Series.Point> points = new ArrayList<>();
      double most = 1;
      for (String arm : results.arms("kl")) {
        if (arm.matches(objective + " " + pattern)) {
          String x = arm.replaceAll(objective + " " + pattern, "$1");
          double at = x.equals(FRESH) ? Double.POSITIVE_INFINITY : Double.parseDouble(x);
          most = Double.isInfinite(at) ? most : Math.max(most, at);
          points.add(Results.point(at, results.of(arm, "kl")));
        }
      }
      double last = 10 * most;
      all.add(
          Series.line(
              objective.toString(),
              points.stream()
                  .map(
                      p ->
                          Double.isInfinite(p.x())
                              ? new Series.Point(data ? last : p.x(), p.y(), p.low(), p.high())
                              : p)
                  .sorted((a, b) -> Double.compare(a.x(), b.x()))
                  .toList()));
    }
    return all;
  }

  private static String three(double value) {
    return String.format(Locale.ROOT, "%.3f", value);
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.0f", value);
  }
}
