package llada.experiments;

import static llada.experiments.Claim.Rule.all;
import static llada.experiments.Claim.Rule.equivalent;
import static llada.experiments.Claim.Rule.superior;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import llada.backend.Backend;
import llada.diffusion.RandomSource;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.experiments.Claim.Term;
import llada.experiments.SmallModel.Recipe;
import llada.plot.Chart;
import llada.plot.Series;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/** Experiment 1: a mask ratio that varies, against fixed ones, on texts of growing length. */
final class VariableMasking implements Experiment {
  private static final List<Masking> ARMS =
      List.of(Masking.LLADA, Masking.fixed(0.15), Masking.fixed(0.5), Masking.BERT);
  private static final List<Integer> LENGTHS = List.of(8, 16, 24, Fables.LONGEST);
  private static final List<String> BOUNDS = List.of("bound", "bound of trained triples");
  private static final List<String> ORDERS = List.of("random", "low-confidence");
  private static final double SAME = 0.05; // nats a word, or share: what is called no difference

  @Override
  public String name() {
    return "masking";
  }

  @Override
  public String title() {
    return "Variable masking";
  }

  @Override
  public String question() {
    return "LLaDA masks a share t ~ U(0, 1) and weighs by 1/t, where BERT masks a fixed 15 %: that is"
        + " what makes it a generative model with a likelihood bound (sec. 2.1 and 4). A text of L"
        + " tokens is wholly masked once in .15^-L draws; from which length on does that matter?";
  }

  @Override
  public String setUp() {
    return "The same network learns stories of 8, 16, 24 and 48 tokens with t ~ U(0, 1), with 15 % and"
        + " with 50 % masked, and with BERT's 80/10/10. Arms have equal data and steps, each the best"
        + " of three learning rates on other seeds, at 24 tokens and a third of the steps. Bound"
        + " and accuracy are of stories about triples of name, animal and colour that were held out,"
        + " the bound also of those that were trained; stories are written in random order and by low"
        + " confidence.";
  }

  @Override
  public String limits() {
    return "Stories of a toy language with at most 48 tokens say nothing about how long it takes a"
        + " fixed ratio to fail on natural text. Arms see equally many tokens, but U(0, 1) is trained"
        + " on three times as many predictions as 15 %.";
  }

  private static SmallModel.Shape shape() {
    return new SmallModel.Shape(48, 2, 3);
  }

  private static Recipe recipe(Size size, double rate) {
    return new Recipe(size.of(2, 3000, 12000), 32, rate);
  }

  private static String arm(Masking masking, int length) {
    return "%s length %d".formatted(masking, length);
  }

  @Override
  public List<Claim> claims(Size size) {
    Masking fixed = Masking.fixed(0.15);
    List<Claim> claims = new ArrayList<>();
    claims.add(
        new Claim(
            "on 8 tokens a fixed 15 % learns the bound as well",
            "equal, of triples held out and of those trained",
            all(
                BOUNDS.stream()
                    .map(of -> equivalent(bound(fixed, 8, of), bound(Masking.LLADA, 8, of), SAME))
                    .toArray(Claim.Rule[]::new))));
    claims.add(
        new Claim(
            "on 24 tokens its bound is over twice as high",
            "3 times as high, of triples held out and of those trained",
            all(
                BOUNDS.stream()
                    .map(
                        of -> superior(bound(fixed, 24, of), bound(Masking.LLADA, 24, of).times(2)))
                    .toArray(Claim.Rule[]::new))));
    claims.add(
        new Claim(
            "on 48 tokens it writes next to no coherent story, in either order",
            "0 %; under 5 %",
            all(
                ORDERS.stream()
                    .map(how -> Term.of(arm(fixed, Fables.LONGEST), "coherent", how))
                    .map(coherent -> equivalent(coherent, Term.constant(0), SAME))
                    .toArray(Claim.Rule[]::new))));
    claims.add(
        new Claim(
            "on 48 tokens t ~ U(0, 1) writes more different coherent stories than any fixed arm",
            "in both orders",
            all(
                ARMS.stream()
                    .filter(arm -> !arm.equals(Masking.LLADA))
                    .flatMap(
                        arm ->
                            ORDERS.stream()
                                .map(
                                    how ->
                                        superior(written(Masking.LLADA, how), written(arm, how))))
                    .toArray(Claim.Rule[]::new))));
    return claims;
  }

  private static Term bound(Masking masking, int length, String of) {
    return Term.of(arm(masking, length), of);
  }

  private static Term written(Masking masking, String how) {
    return Term.of(arm(masking, Fables.LONGEST), "distinct coherent", how);
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("data", "generated stories, fresh in each step, of %s tokens".formatted(LENGTHS));
    config.put("network", shape().toString());
    config.put("training", recipe(size, 0).toString());
    return config;
  }

  @Override
  public Map<String, Tuning.Trial> trials(Size size, Inputs inputs) {
    Map<String, Tuning.Trial> trials = new LinkedHashMap<>();
    for (Masking arm : ARMS) { // at one length, for all
      trials.put(
          arm.toString(),
          (rate, seed, backend) -> {
            try (SmallModel model = model(arm, 24, seed, backend)) {
              return model.train(recipe(size, 0).trial(rate), source(24));
            }
          });
    }
    return trials;
  }

  private static SmallModel model(Masking arm, int length, long seed, Backend backend) {
    return new SmallModel(shape(), Fables.VOCABULARY, arm, length, 64, seed, backend);
  }

  private static SmallModel.Source source(int length) {
    return (count, random) ->
        SmallModel.Source.batch(Fables.stories(count, false, length, random), 1);
  }

  @Override
  public List<Job> jobs(Setup setup) {
    List<Job> jobs = new ArrayList<>();
    for (long seed : setup.seeds()) {
      for (int length : LENGTHS) {
        for (Masking arm : ARMS) {
          Recipe recipe = recipe(setup.size(), setup.rate(arm.toString()));
          jobs.add(
              new Job(
                  arm(arm, length),
                  seed,
                  (backend, rows) -> {
                    try (SmallModel model = model(arm, length, seed, backend)) {
                      model.train(recipe, source(length));
                      measure(setup.size(), model, length, seed, rows);
                    }
                  }));
        }
      }
    }
    return jobs;
  }

  private static void measure(Size size, SmallModel model, int length, long seed, Job.Rows rows) {
    int count = size.of(4, 256, 1024);
    int words = length - 1;
    SplittableRandom drawn = RandomStreams.of(seed, Purpose.EXPERIMENT_HELD_OUT, length);
    int[][] heldOut = Fables.stories(count, true, length, drawn);
    for (double share : new double[] {0.15, 0.3, 0.5, 0.7, 0.85, 1}) {
      int masked = Math.max(1, (int) Math.round(share * words));
      rows.add("accuracy", share, Measures.accuracy(model, heldOut, 1, masked, seed));
    }
    for (String of : BOUNDS) {
      // Of an arm that learns that some triples never come, the bound of those alone would rise.
      int[][] x0 = of.equals("bound") ? heldOut : Fables.stories(count, false, length, drawn);
      rows.add(of, Measures.nats(model, x0, 1, 16, seed));
    }
    for (Remasking order : List.of(Remasking.RANDOM, Remasking.LOW_CONFIDENCE)) {
      SamplerOptions options =
          SamplerOptions.defaults().toBuilder()
              .lengths(words, words, words)
              .temperature(1)
              .remasking(order)
              .build();
      int[][] prompts = new int[count][1]; // BOS is 0
      int[][] stories =
          Measures.join(prompts, model.generate(prompts, options, RandomSource.seeded(seed)));
      String how = Sampling.name(order);
      rows.add("coherent", how, Measures.coherent(stories));
      rows.add("distinct coherent", how, Measures.distinctCoherent(stories));
    }
  }

  @Override
  public void report(Results results, Report report) {
    List<Series> bounds = new ArrayList<>();
    List<Series> written = new ArrayList<>();
    List<Series> accuracy = new ArrayList<>();
    for (Masking arm : ARMS) {
      bounds.add(byLength(results, arm, "bound", ""));
      for (String how : ORDERS) {
        written.add(byLength(results, arm, "distinct coherent", how));
      }
      accuracy.add(results.series(arm.toString(), arm(arm, Fables.LONGEST), "accuracy"));
    }
    bounds.add(
        Series.reference(
            "floor", LENGTHS.stream().map(l -> new Series.Point(l, Fables.floor(l))).toList()));
    report.heading("Bound");
    report.chart(
        "bound",
        Chart.lines(
                "Bound on held-out stories, by their length", "tokens", "nats a word", true, bounds)
            .withLogY(),
        "Equation 14. The floor is the entropy of the language: nobody who never met the held-out"
            + " triples is below.");
    List<List<String>> table = new ArrayList<>();
    for (Masking arm : ARMS) {
      for (int length : LENGTHS) {
        List<String> row = new ArrayList<>(List.of(arm.toString(), Integer.toString(length)));
        BOUNDS.forEach(of -> row.add(results.of(arm(arm, length), of).toString()));
        table.add(row);
      }
    }
    report.table(List.of("arm", "tokens", "held-out triples", "trained triples"), table);
    double stories =
        results
            .bySeed(arm(Masking.LLADA, 8), "coherent" + Results.TRIALS, "random")
            .values()
            .iterator()
            .next();
    written.add(
        Series.reference(
            "ceiling",
            LENGTHS.stream().map(l -> new Series.Point(l, ceiling(l, stories))).toList()));
    report.heading("Stories from nothing");
    report.chart(
        "coherent",
        Chart.lines(
                "Different coherent stories, a token a step, temperature 1",
                "tokens",
                "share of the samples",
                true,
                written)
            .ofShares(),
        "A story counts once, so that even draws from the language stay below 100 %; it is"
            + " coherent if all its dependencies hold. First line of an arm in random order, second by low confidence.");
    report.heading("Guesses");
    report.chart(
        "accuracy",
        Chart.lines(
                "Right guesses of the mask predictor on 48 tokens, by mask ratio",
                "share of the words that is masked",
                "share right",
                false,
                accuracy)
            .ofShares(),
        "Held-out stories.");
  }

  /** The share of draws from all stories that is left if each counts once. */
  private static double ceiling(int length, double drawn) {
    double all = Math.exp(Fables.floor(length) * (length - 1));
    return all / drawn * -Math.expm1(drawn * Math.log1p(-1 / all));
  }

  private static Series byLength(Results results, Masking arm, String measure, String x) {
    String name = x.isEmpty() ? arm.toString() : arm + (x.equals("random") ? "" : " low");
    return Series.line(
        name,
        LENGTHS.stream().map(l -> Results.point(l, results.of(arm(arm, l), measure, x))).toList());
  }
}
