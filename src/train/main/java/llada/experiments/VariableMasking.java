package llada.experiments;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import llada.backend.Backend;
import llada.diffusion.Objective;
import llada.diffusion.RandomSource;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.experiments.Report.Agreement;
import llada.plot.Chart;
import llada.plot.Series;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/** Experiment 1: a mask ratio that varies, against BERT's 15 % and against no weight 1 / t. */
final class VariableMasking implements Experiment {
  private static final List<Objective> ARMS =
      List.of(Objective.LLADA, Objective.BERT15, Objective.MASKGIT);
  private static final int WORDS = Fables.LENGTH - 1;
  private static final String TEXT = "text";

  @Override
  public String name() {
    return "masking";
  }

  @Override
  public String title() {
    return "Variable masking";
  }

  @Override
  public String claim() {
    return "LLaDA masks a share t ~ U(0, 1) and weighs by 1/t, where BERT masks a fixed 15 %: that is"
        + " what makes it a generative model with a likelihood bound. MaskGIT varies the share but"
        + " lacks the weight, so its loss is no bound (sec. 2.1 and 4).";
  }

  private static SmallModel.Shape shape() {
    return new SmallModel.Shape(48, 2, 3);
  }

  private static SmallModel.Recipe recipe(Size size) {
    return new SmallModel.Recipe(size.of(20, 3000, 12000), 32, 3e-3);
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("data", "generated stories of 23 words, fresh in each step");
    config.put("network", shape().toString());
    config.put("training", recipe(size).toString());
    config.put("judge", Judge.shape() + ", autoregressive, " + Judge.recipe(size));
    return config;
  }

  @Override
  public List<Job> jobs(Size size, List<Long> seeds, Inputs inputs) {
    List<Job> jobs = new ArrayList<>();
    for (long seed : seeds) {
      for (Objective objective : ARMS) {
        jobs.add(
            new Job(
                objective.toString(),
                seed,
                (backend, rows) -> measure(size, objective, seed, backend, rows)));
      }
      jobs.add(
          new Job(
              TEXT,
              seed,
              (_, rows) ->
                  texts(
                      size,
                      Fables.stories(
                          size.of(16, 256, 1024), RandomStreams.of(seed, Purpose.EXPERIMENT_DATA)),
                      "",
                      rows)));
    }
    return jobs;
  }

  private static void measure(
      Size size, Objective objective, long seed, Backend backend, Job.Rows rows) {
    try (SmallModel model =
        new SmallModel(shape(), Fables.VOCABULARY, objective, Fables.LENGTH, 64, seed, backend)) {
      model.train(recipe(size), Fables::batch);
      int[][] heldOut =
          Fables.stories(size.of(16, 256, 1024), RandomStreams.of(0, Purpose.EXPERIMENT_HELD_OUT));
      for (int masked : new int[] {1, 3, 6, 9, 12, 15, 18, 21, 23}) {
        rows.add(
            "accuracy",
            Math.round(100.0 * masked / WORDS) / 100.0,
            Measures.accuracy(model, heldOut, 1, masked, 7));
      }
      rows.add("bound", Measures.nats(model, heldOut, 1, 16, 7));
      int[][] prompts = new int[size.of(16, 256, 1024)][1]; // BOS is 0
      for (Remasking remasking : List.of(Remasking.RANDOM, Remasking.LOW_CONFIDENCE)) {
        SamplerOptions options =
            SamplerOptions.defaults().toBuilder()
                .lengths(WORDS, WORDS, WORDS)
                .temperature(1)
                .remasking(remasking)
                .build();
        int[][] answers = model.generate(prompts, options, RandomSource.seeded(seed));
        texts(
            size,
            Measures.join(prompts, answers),
            remasking.name().toLowerCase(Locale.ROOT).replace('_', '-'),
            rows);
      }
    }
  }

  private static void texts(Size size, int[][] stories, String how, Job.Rows rows) {
    int[][] words =
        Arrays.stream(stories).map(s -> Arrays.copyOfRange(s, 1, s.length)).toArray(int[][]::new);
    rows.add("judge", how, Judge.of(size).nats(stories));
    rows.add("coherent", how, Measures.coherent(stories));
    rows.add("distinct-1", how, Measures.distinct(words, 1));
    rows.add("distinct-2", how, Measures.distinct(words, 2));
    rows.add("distinct-3", how, Measures.distinct(words, 3));
  }

  @Override
  public void report(Results results, Report report) {
    String llada = Objective.LLADA.toString();
    String bert = Objective.BERT15.toString();
    String maskgit = Objective.MASKGIT.toString();
    String how = "random";
    Interval few = results.of(bert, "accuracy", "0.13");
    Interval fewLlada = results.of(llada, "accuracy", "0.13");
    Interval many = results.of(bert, "accuracy", "0.91");
    Interval manyLlada = results.of(llada, "accuracy", "0.91");
    report.finding(
        "15 % fails where much is masked",
        "accuracy with 91 %% masked: %s against LLaDA's %s; with 13 %% masked: %s against %s"
            .formatted(many.percent(), manyLlada.percent(), few.percent(), fewLlada.percent()),
        Agreement.of(many.below(manyLlada)));
    Interval judge = results.of(llada, "judge", how);
    Interval judgeBert = results.of(bert, "judge", how);
    Interval coherent = results.of(llada, "coherent", how);
    Interval coherentBert = results.of(bert, "coherent", how);
    report.finding(
        "15 % cannot generate from nothing",
        "coherent stories %s against LLaDA's %s; judge %s against %s nats a word (real text %s)"
            .formatted(
                coherentBert.percent(),
                coherent.percent(),
                judgeBert,
                judge,
                results.of(TEXT, "judge")),
        Agreement.of(judge.below(judgeBert) && coherentBert.below(coherent)));
    Interval bound = results.of(llada, "bound");
    Interval boundBert = results.of(bert, "bound");
    Interval boundMaskgit = results.of(maskgit, "bound");
    report.finding(
        "the bound on held-out text needs the varying ratio",
        "%s nats a word, %s at a fixed 15 %%".formatted(bound, boundBert),
        Agreement.of(bound.below(boundBert)));
    report.finding(
        "without the weight 1/t it generates, at a worse bound",
        "bound %s against LLaDA's %s; coherent %s against %s"
            .formatted(
                boundMaskgit,
                bound,
                results.of(maskgit, "coherent", how).percent(),
                coherent.percent()),
        Agreement.of(bound.below(boundMaskgit), bound.mean() < boundMaskgit.mean()));
    report.heading("Where 15 % fails");
    List<Series> series = new ArrayList<>();
    ARMS.forEach(arm -> series.add(results.series(arm.toString(), arm.toString(), "accuracy")));
    report.chart(
        "accuracy",
        Chart.lines(
                "Right guesses of the mask predictor, by mask ratio",
                "share of the words that is masked",
                "share right",
                false,
                series)
            .ofShares(),
        "Held-out stories. The network, the data and the number of steps are the same; the fixed"
            + " ratio has hardly ever seen more than a third masked.");
    report.heading("Unconditional generation");
    report.chart(
        "coherent",
        Chart.bars(
                "Coherent stories, one word a step, temperature 1",
                "share",
                List.of("random order", "low confidence"),
                bars(results))
            .ofShares(),
        "A story is coherent if all its dependencies hold: names, colours, places, sounds.");
    List<List<String>> table = new ArrayList<>();
    for (Objective arm : ARMS) {
      for (String order : results.conditions(arm.toString(), "judge")) {
        table.add(row(results, arm.toString(), order));
      }
    }
    table.add(row(results, TEXT, ""));
    report.table(
        List.of("arm", "order", "judge", "coherent", "distinct-1", "distinct-2", "distinct-3"),
        table);
    report.text(
        "The judge's nats a word reward stories that are alike; distinct-n, the share of different"
            + " n-grams in all samples, tells whether they are.");
    report.heading("Bound on held-out text");
    report.table(
        List.of("arm", "nats a word (eq. 14)"),
        ARMS.stream()
            .map(arm -> List.of(arm.toString(), results.of(arm.toString(), "bound").toString()))
            .toList());
  }

  private static List<Series> bars(Results results) {
    List<Series> series = new ArrayList<>();
    for (Objective arm : ARMS) {
      List<Series.Point> points = new ArrayList<>();
      for (String how : List.of("random", "low-confidence")) {
        points.add(Results.point(points.size(), results.of(arm.toString(), "coherent", how)));
      }
      series.add(Series.line(arm.toString(), points));
    }
    return series;
  }

  private static List<String> row(Results results, String arm, String how) {
    List<String> row = new ArrayList<>(List.of(arm, how));
    row.add(results.of(arm, "judge", how).toString());
    row.add(results.of(arm, "coherent", how).percent());
    for (int n = 1; n <= 3; n++) {
      row.add(results.of(arm, "distinct-" + n, how).toString());
    }
    return row;
  }
}
