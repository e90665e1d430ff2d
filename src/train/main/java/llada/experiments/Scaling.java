package llada.experiments;

import static llada.experiments.Claim.Rule.equivalent;
import static llada.experiments.Claim.Rule.superior;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import llada.backend.Backend;
import llada.evaluation.Proportion;
import llada.experiments.Claim.Term;
import llada.experiments.PowerLaw.Run;
import llada.experiments.Results.Row;
import llada.experiments.SmallModel.Recipe;
import llada.plot.Chart;
import llada.plot.Series;

/** Experiment 7: loss by compute on real text, for LLaDA and the autoregressive model. */
final class Scaling implements Experiment {
  private static final List<Masking> ARMS = List.of(Masking.LLADA, Masking.AR);
  private static final int BATCH = 16;
  private static final int FEW_SEEDS = 2; // of the largest budget

  /** What follows from the measurements of both arms. */
  private static final String FIT = "fit";

  /** The laws' arms are fitted alone for their slopes. */
  private static final String SHIFT = "ln shift";

  @Override
  public String name() {
    return "scaling";
  }

  @Override
  public String title() {
    return "Scaling";
  }

  @Override
  public String question() {
    return "The paper says that LLaDA scales as well as an autoregressive model on the same data (fig."
        + " 3); by SMDM, of the same group, masked diffusion needs some 16 times the compute for the"
        + " same likelihood, at the same slope. What is the factor here?";
  }

  @Override
  public String setUp() {
    return "Real text in 1,024 tokens of its own is learnt by networks of several widths at equal"
        + " operations, 6 N D with embedding and head counted, each with the best of three learning"
        + " rates on other seeds. The best width at each budget is fitted by L = E + A C^-a with E and"
        + " a shared, for each seed; the shift between the two is a factor of compute. The task is a"
        + " cloze of held-out pieces.";
  }

  @Override
  public String limits() {
    return "Three budgets within a factor of 16 do not tell a power law from another curve; the largest"
        + " has two seeds, so that the other fits have four points for four unknowns and cannot tell"
        + " slopes apart. The held-out pieces are of the same books. The shift is an extrapolation where the arms' losses do not overlap. LLaDA's loss is a bound,"
        + " so part of the shift may be its gap.";
  }

  private static SmallModel.Shape shape(int dim) {
    return new SmallModel.Shape(dim, 2, dim / 16);
  }

  private static List<Double> budgets(Size size) {
    return switch (size) {
      case TINY -> List.of(4e9, 8e9);
      case SMALL -> List.of(1e12, 4e12, 1.6e13);
      case LARGE -> List.of(1e12, 4e12, 1.6e13, 6.4e13);
    };
  }

  /** Widths about the best: four times the operations, one width further. */
  private static List<Integer> dims(Size size, double budget) {
    List<Integer> all = List.of(32, 48, 64, 96, 128, 192);
    int first = budgets(size).indexOf(budget);
    return size == Size.TINY ? List.of(16, 32) : all.subList(first, first + 3);
  }

  private static int steps(RealText text, double budget, int dim) {
    double perStep =
        6.0
            * SmallModel.allParameters(shape(dim), text.vocabulary(), RealText.LENGTH)
            * BATCH
            * RealText.LENGTH;
    return Math.max(2, (int) Math.round(budget / perStep));
  }

  private static String arm(Masking masking, double budget, int dim) {
    return String.format(Locale.ROOT, "%s budget %.1e width %d", masking, budget, dim);
  }

  @Override
  public Optional<String> lacks(Size size, Inputs inputs) {
    return size == Size.TINY || !inputs.texts().isEmpty()
        ? Optional.empty()
        : Optional.of("scaling needs real text, some megabytes of it: name one file or several");
  }

  @Override
  public List<Claim> claims(Size size) {
    Term shift = Term.of(FIT, SHIFT);
    return List.of(
        new Claim(
            "in likelihood the autoregressive model is ahead at equal compute",
            "LLaDA needs 10 to 20 times as much",
            superior(shift, Term.constant(0))),
        new Claim(
            "by a factor of about 16",
            "ln of the factor within ln 2 of ln 16",
            equivalent(shift, Term.constant(Math.log(16)), Math.log(2))),
        new Claim(
            "seeing both sides makes up for it in a cloze",
            "open",
            superior(Term.of(FIT, "cloze llada"), Term.of(FIT, "cloze ar"))));
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    RealText text = new RealText(inputs.texts());
    config.put(
        "text",
        "%s, %d tokens to train on, pieces of %d"
            .formatted(
                inputs.texts().isEmpty()
                    ? "made up"
                    : inputs.texts().stream().map(p -> p.getFileName().toString()).toList(),
                text.tokens(),
                RealText.LENGTH));
    for (double budget : budgets(size)) {
      config.put("widths at " + budget, dims(size, budget).toString());
    }
    config.put("seeds of the largest budget", Integer.toString(FEW_SEEDS));
    config.put("batch", Integer.toString(BATCH));
    return config;
  }

  private static String tuned(Masking masking, int dim) {
    return masking + " width " + dim;
  }

  @Override
  public Map<String, Tuning.Trial> trials(Size size, Inputs inputs) {
    Map<String, Tuning.Trial> trials = new LinkedHashMap<>();
    RealText text = new RealText(inputs.texts());
    TreeSet<Integer> dims = new TreeSet<>();
    budgets(size).forEach(budget -> dims.addAll(dims(size, budget)));
    for (Masking masking : ARMS) {
      for (int dim : dims) {
        double least = // of the budgets that have the width
            budgets(size).stream()
                .filter(b -> dims(size, b).contains(dim))
                .findFirst()
                .orElseThrow();
        trials.put(
            tuned(masking, dim),
            (rate, seed, backend) -> {
              try (SmallModel model = model(text, masking, dim, seed, backend)) {
                Recipe recipe = new Recipe(steps(text, least, dim), BATCH, 0);
                return model.train(recipe.trial(rate), text.epochs(seed));
              }
            });
      }
    }
    return trials;
  }

  private static SmallModel model(
      RealText text, Masking masking, int dim, long seed, Backend backend) {
    return new SmallModel(
        shape(dim), text.vocabulary(), masking, RealText.LENGTH, BATCH * 2, seed, backend);
  }

  @Override
  public List<Job> jobs(Setup setup) {
    Size size = setup.size();
    RealText text = new RealText(setup.inputs().texts());
    List<Job> jobs = new ArrayList<>();
    for (long seed : setup.seeds()) {
      for (double budget : budgets(size)) {
        if (budget > 1e13 && setup.seeds().indexOf(seed) >= FEW_SEEDS) {
          continue;
        }
        for (Masking masking : ARMS) {
          for (int dim : dims(size, budget)) {
            Recipe recipe =
                new Recipe(steps(text, budget, dim), BATCH, setup.rate(tuned(masking, dim)));
            jobs.add(
                new Job(
                    arm(masking, budget, dim),
                    seed,
                    (backend, rows) -> {
                      try (SmallModel model = model(text, masking, dim, seed, backend)) {
                        model.train(recipe, text.epochs(seed));
                        measure(size, model, text, seed, rows);
                        rows.add(
                            "epochs",
                            (double) recipe.steps() * BATCH * RealText.LENGTH / text.tokens());
                      }
                    }));
          }
        }
      }
    }
    return jobs;
  }

  private static void measure(
      Size size, SmallModel model, RealText text, long seed, Job.Rows rows) {
    int[][] heldOut = text.heldOut(size.of(4, 256, 512), seed);
    // The autoregressive model cannot say the first token; neither is asked for it.
    rows.add("nats", Measures.nats(model, heldOut, 1, 16, seed));
    rows.add("cloze", "all", cloze(model, heldOut, RealText.LENGTH));
    rows.add("cloze", "left", cloze(model, heldOut, RealText.LENGTH / 2 + 1));
  }

  /** How often the token in the middle of a piece is known, which is given up to a position. */
  private static Proportion cloze(SmallModel model, int[][] pieces, int given) {
    int at = RealText.LENGTH / 2;
    int[][] x = Arrays.stream(pieces).map(int[]::clone).toArray(int[][]::new);
    int[][] asked = new int[x.length][1];
    for (int b = 0; b < x.length; b++) {
      x[b][at] = model.mask();
      Arrays.fill(x[b], given, RealText.LENGTH, model.mask());
      asked[b][0] = model.causal() ? at - 1 : at;
    }
    double[][][] log = model.logProbabilities(x, asked);
    long right = 0;
    for (int b = 0; b < x.length; b++) {
      right += Measures.best(log[b][0]) == pieces[b][at] ? 1 : 0;
    }
    return new Proportion(right, x.length);
  }

  /** The best width of an arm at a budget, by its mean. */
  private static String best(Results results, Masking masking, double budget) {
    String prefix = arm(masking, budget, 0).replaceAll("0$", "");
    return results.arms("nats").stream()
        .filter(arm -> arm.startsWith(prefix))
        .min((a, b) -> Double.compare(results.of(a, "nats").mean(), results.of(b, "nats").mean()))
        .orElseThrow();
  }

  @Override
  public List<Row> derived(Size size, Results results) {
    List<Row> rows = new ArrayList<>();
    String any = best(results, Masking.LLADA, budgets(size).getFirst());
    for (long seed : results.bySeed(any, "nats", "").keySet()) {
      List<List<Run>> arms = new ArrayList<>();
      for (Masking masking : ARMS) {
        List<Run> runs = new ArrayList<>();
        for (double budget : budgets(size)) {
          String arm = best(results, masking, budget);
          Optional.ofNullable(results.bySeed(arm, "nats", "").get(seed))
              .ifPresent(nats -> runs.add(new Run(budget, nats)));
        }
        arms.add(runs);
        // A budget that all seeds have.
        double clozed = budgets(size).get(1);
        String last = best(results, masking, clozed);
        rows.add(
            new Row(
                FIT, seed, "cloze " + masking, "", results.bySeed(last, "cloze", "all").get(seed)));
      }
      PowerLaw law = PowerLaw.fit(arms);
      rows.add(new Row(FIT, seed, SHIFT, "", law.lnShift()));
      rows.add(new Row(FIT, seed, "floor", "", law.floor()));
      for (int i = 0; i < ARMS.size(); i++) {
        double slope = PowerLaw.slope(arms.get(i), law.floor());
        rows.add(new Row(FIT, seed, "slope " + ARMS.get(i), "", slope));
      }
    }
    return rows;
  }

  @Override
  public void report(Results results, Report report) {
    List<Series> best = new ArrayList<>();
    List<List<String>> table = new ArrayList<>();
    for (Masking masking : ARMS) {
      TreeSet<Double> budgets = new TreeSet<>();
      for (String arm : results.arms("nats")) {
        if (arm.startsWith(masking + " ")) {
          budgets.add(Double.parseDouble(arm.replaceAll(".* budget (\\S+) .*", "$1")));
          table.add(
              List.of(
                  arm,
                  results.of(arm, "nats").toString(),
                  results.of(arm, "cloze", "all").percent(),
                  results.of(arm, "cloze", "left").percent(),
                  results.of(arm, "epochs").toString()));
        }
      }
      best.add(
          Series.line(
              masking.name(),
              budgets.stream()
                  .map(b -> Results.point(b, results.of(best(results, masking, b), "nats")))
                  .toList()));
    }
    double floor = results.of(FIT, "floor").mean();
    List<Series.Point> points = best.getFirst().points();
    best.add(Series.reference("E of the fit", points.getFirst().x(), points.getLast().x(), floor));
    report.heading("Loss by compute");
    report.chart(
        "nats",
        Chart.lines("Held-out nats a token at the best width", "operations", "nats", true, best)
            .withLogY(),
        "For LLaDA an upper bound (eq. 14), for the autoregressive model the likelihood itself.");
    Interval shift = results.of(FIT, SHIFT);
    report.text(
        String.format(
            Locale.ROOT,
            "LLaDA needs %.1f times the operations (%.1f to %.1f) for the same loss.",
            Math.exp(shift.mean()),
            Math.exp(shift.low()),
            Math.exp(shift.high())));
    report.text(
        "Exponents, each arm fitted alone with the shared E: "
            + ARMS.stream()
                .map(masking -> masking + " " + results.of(FIT, "slope " + masking))
                .collect(Collectors.joining(", "))
            + "; E was chosen so that they agree.");
    report.heading("All runs");
    report.table(List.of("arm", "nats a token", "cloze", "cloze, left side only", "epochs"), table);
  }
}
