package llada.experiments;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import llada.diffusion.Objective;
import llada.experiments.Report.Agreement;
import llada.plot.Chart;
import llada.plot.Series;

/** What {@link FisherConsistency} measured, beside what the paper says. */
final class FisherReport {
  private FisherReport() {}

  static void write(Results results, Report report) {
    String llada =
        FisherConsistency.arm(Objective.LLADA, FisherConsistency.FRESH, FisherConsistency.DIM);
    String bert =
        FisherConsistency.arm(Objective.BERT15, FisherConsistency.FRESH, FisherConsistency.DIM);
    String maskgit =
        FisherConsistency.arm(Objective.MASKGIT, FisherConsistency.FRESH, FisherConsistency.DIM);
    String noStart =
        FisherConsistency.arm(Objective.LLADA, FisherConsistency.NO_START, FisherConsistency.DIM);
    Interval kl = results.of(llada, "kl");
    Interval klBert = results.of(bert, "kl");
    report.finding(
        "the loss is an upper bound of -ln p",
        "broken on %s of the 256 sequences, loss %s, -ln p %s"
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
            .formatted(
                three(capacity.getFirst().y()),
                number(capacity.getFirst().x()),
                kl,
                FisherConsistency.DIM),
        Agreement.of(wide && kl.mean() < 0.05, wide));
    Series.Point narrow = capacity.getFirst();
    Series.Point narrowBert = byWidth(results).getLast().points().getFirst();
    report.finding(
        "not so for a fixed 15 %",
        "KL %s against %s, with the same data and network; at width %s %s against %s"
            .formatted(klBert, kl, number(narrow.x()), three(narrowBert.y()), three(narrow.y())),
        Agreement.of(
            kl.below(klBert) && klBert.mean() > 2 * kl.mean(), narrow.high() < narrowBert.low()));
    double orders =
        results.of(llada, "estimate", "all orders").mean()
            - results.of(llada, "estimate", "exact").mean();
    double off = results.of(llada, "off by errors", "chain rule").mean();
    double offT = results.of(llada, "off by errors", "t-form").mean();
    report.finding(
        "chain rule averaged over orders = t-form",
        String.format(
            Locale.ROOT,
            "all 40,320 orders differ from the exact sum by %.1e; estimates are off by %.2f (chain) and %.2f (t-form) standard errors",
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
        "Fresh sequences in each step. With a fixed ratio, too, every state can come up, so in the"
            + " limit it is as consistent; but the more is masked, the longer that takes (all of it:"
            + " once in 3.9 million sequences), and until then the network lives on what carries over"
            + " from other states. On longer texts that is not enough: see variable masking.");
    report.heading("All objectives");
    List<List<String>> table = new ArrayList<>();
    for (String arm : List.of(llada, bert, maskgit, noStart)) {
      table.add(
          List.of(
              arm,
              results.of(arm, "kl").toString(),
              results.of(arm, "nll").toString(),
              results.of(arm, "bound").toString(),
              results.of(arm, "fixed ratio loss").toString(),
              arm.equals(noStart) ? "" : results.of(arm, "chi2").toString()));
    }
    report.table(
        List.of("arm", "KL", "-ln p", "bound (eq. 3)", "loss at 15 %", "chi² / df of the sampler"),
        table);
    report.text(
        "Entropy of the truth: %s nats. MaskGIT's objective, without the weight 1/t, ends near the truth as well: each conditional distribution has its own optimum, whatever its weight, so it is consistent too, given enough capacity; only its loss says nothing about the likelihood."
            .formatted(three(FisherConsistency.truth().entropy())));
    report.text(
        "The last row is a network whose sequences have no start before them. With rotary positions"
            + " it sees distances only: where all is masked, all positions look alike and get the"
            + " same distribution. No training mends that. LLaDA's prompts and its BOS are such a"
            + " start.");
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
    return series(results, "data (\\d+|fresh) width " + FisherConsistency.DIM, true);
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
          double at =
              x.equals(FisherConsistency.FRESH) ? Double.POSITIVE_INFINITY : Double.parseDouble(x);
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
