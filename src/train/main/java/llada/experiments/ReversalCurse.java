package llada.experiments;

import static llada.experiments.Claim.Rule.all;
import static llada.experiments.Claim.Rule.equivalent;
import static llada.experiments.Claim.Rule.notInferior;
import static llada.experiments.Claim.Rule.superior;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import llada.backend.Backend;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.evaluation.Proportion;
import llada.experiments.Claim.Term;
import llada.experiments.Facts.Seen;
import llada.experiments.SmallModel.Recipe;
import llada.plot.Chart;
import llada.plot.Series;

/** Experiment 5: facts seen in one direction only and asked in both. */
final class ReversalCurse implements Experiment {
  private static final List<Masking> ARMS = List.of(Masking.LLADA, Masking.AR);
  private static final String ONE = "seen one way";
  private static final double MARGIN = 0.05;

  @Override
  public String name() {
    return "reversal";
  }

  @Override
  public String title() {
    return "Reversal curse";
  }

  @Override
  public String question() {
    return "Autoregressive models that learn \"A is B\" cannot tell what is A when asked for B; the"
        + " paper says that LLaDA treats all tokens alike and breaks the curse (sec. 3.3). Does it, and"
        + " is it knowledge that the other lacks, or only the way to it?";
  }

  @Override
  public String setUp() {
    return "People with a description of two words are learnt as \"A is D D\"; of one half also as"
        + " \"D D is A\". The first half is then asked for in the reversed sentence, and in the sentence"
        + " as it was learnt. Controls: all seen in both directions; no reversed sentence at all; and"
        + " the autoregressive model by search, with every name tried.";
  }

  @Override
  public String limits() {
    return "All knowledge is in the training data and asked for in its own words; nothing is said about"
        + " what a large model that has read widely can tell backwards.";
  }

  private static SmallModel.Shape shape() {
    return new SmallModel.Shape(64, 2, 4);
  }

  private static Recipe recipe(Size size, double rate) {
    return new Recipe(size.of(12, 6000, 20_000), 64, rate);
  }

  private static String arm(Masking masking, Seen seen) {
    return masking + " " + seen.name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  private static Term term(Masking masking, Seen seen, String measure) {
    return Term.of(arm(masking, seen), measure, ONE);
  }

  @Override
  public List<Claim> claims(Size size) {
    Masking llada = Masking.LLADA;
    Masking ar = Masking.AR;
    return List.of(
        new Claim(
            "the autoregressive model has the curse",
            "0 % in reverse, 100 % forward, and 100 % in reverse if trained on both",
            all(
                equivalent(term(ar, Seen.ONE_WAY, "reverse"), Term.constant(0), MARGIN),
                notInferior(term(ar, Seen.ONE_WAY, "forward"), Term.constant(1), MARGIN),
                notInferior(term(ar, Seen.BOTH_WAYS, "reverse"), Term.constant(1), MARGIN))),
        new Claim(
            "LLaDA breaks it in a reversed sentence",
            "97 % against 0 %",
            superior(term(llada, Seen.ONE_WAY, "reverse"), term(ar, Seen.ONE_WAY, "reverse"))),
        new Claim(
            "and is as good there as forward",
            "97 % against 100 %",
            notInferior(
                term(llada, Seen.ONE_WAY, "reverse"),
                term(llada, Seen.ONE_WAY, "forward"),
                MARGIN)),
        new Claim(
            "it has to know what a reversed sentence is",
            "0 % if it never met one",
            equivalent(term(llada, Seen.FORWARD, "reverse"), Term.constant(0), MARGIN)),
        new Claim(
            "in the sentence as it was learnt it fills the name in",
            "100 %",
            notInferior(term(llada, Seen.ONE_WAY, "infill"), Term.constant(1), MARGIN)),
        new Claim(
            "and so does the autoregressive model by search: it lacks the way, not the knowledge",
            "100 %",
            notInferior(term(ar, Seen.ONE_WAY, "infill"), Term.constant(1), MARGIN)));
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("facts", "%d people".formatted(Facts.count(size)));
    config.put("network", shape().toString());
    config.put("training", recipe(size, 0).toString());
    return config;
  }

  @Override
  public Map<String, Tuning.Trial> trials(Size size, Inputs inputs) {
    Map<String, Tuning.Trial> trials = new LinkedHashMap<>();
    for (Masking masking : ARMS) {
      trials.put(
          masking.name(),
          (rate, seed, backend) -> {
            Facts facts = new Facts(size, seed);
            try (SmallModel model = model(facts, masking, seed, backend)) {
              return model.train(recipe(size, 0).trial(rate), source(facts, Seen.ONE_WAY));
            }
          });
    }
    return trials;
  }

  private static SmallModel model(Facts facts, Masking masking, long seed, Backend backend) {
    return new SmallModel(shape(), facts.vocabulary(), masking, Facts.LENGTH, 64, seed, backend);
  }

  private static SmallModel.Source source(Facts facts, Seen seen) {
    return (count, random) -> {
      int[][] x0 = new int[count][];
      Arrays.setAll(x0, _ -> facts.sentence(seen, random));
      return SmallModel.Source.batch(x0, 1);
    };
  }

  @Override
  public List<Job> jobs(Setup setup) {
    List<Job> jobs = new ArrayList<>();
    for (long seed : setup.seeds()) {
      for (Masking masking : ARMS) {
        Recipe recipe = recipe(setup.size(), setup.rate(masking.name()));
        for (Seen seen : Seen.values()) {
          jobs.add(
              new Job(
                  arm(masking, seen),
                  seed,
                  (backend, rows) -> {
                    Facts facts = new Facts(setup.size(), seed);
                    try (SmallModel model = model(facts, masking, seed, backend)) {
                      measure(model, facts, seen, recipe, seed, rows);
                    }
                  }));
        }
      }
    }
    return jobs;
  }

  private static void measure(
      SmallModel model, Facts facts, Seen seen, Recipe recipe, long seed, Job.Rows rows) {
    int every = recipe.steps() / 12;
    model.train(
        recipe,
        source(facts, seen),
        step -> {
          if (step % every == 0) {
            rows.add("reverse by step", step, answered(model, facts, true, false, seed));
          }
        });
    rows.add("chance", 1.0 / facts.names());
    rows.add("half", facts.half());
    for (boolean oneWay : new boolean[] {true, false}) {
      String group = oneWay ? ONE : "others";
      rows.add("forward", group, answered(model, facts, oneWay, true, seed));
      rows.add("reverse", group, answered(model, facts, oneWay, false, seed));
      rows.add("infill", group, infilled(model, facts, oneWay));
    }
  }

  /** The sentence's first half given, its second half asked for. */
  private static Proportion answered(
      SmallModel model, Facts facts, boolean oneWay, boolean forward, long seed) {
    int[][] whole = facts.sentences(oneWay, forward);
    int given = forward ? 3 : 4; // BOS A is, or BOS D D is
    int[][] prompts = new int[whole.length][];
    for (int b = 0; b < whole.length; b++) {
      prompts[b] = Arrays.copyOf(whole[b], given);
    }
    int asked = Facts.LENGTH - given;
    SamplerOptions greedy =
        SamplerOptions.defaults().toBuilder().lengths(asked, asked, asked).build();
    int[][] answers = model.generate(prompts, greedy, RandomSource.seeded(seed));
    int[][] said = Measures.join(prompts, answers);
    int right = 0;
    for (int b = 0; b < whole.length; b++) {
      right += Arrays.equals(said[b], whole[b]) ? 1 : 0;
    }
    return new Proportion(right, whole.length);
  }

  /**
   * Who stands before "is D D", in the sentence as it was learnt. LLaDA fills in the mask; for the
   * autoregressive model every name is tried, and the likeliest sentence wins.
   */
  private static Proportion infilled(SmallModel model, Facts facts, boolean oneWay) {
    int[][] whole = facts.sentences(oneWay, true);
    int right = 0;
    for (int[] sentence : whole) {
      int[][] tried = new int[facts.names()][];
      for (int name = 0; name < tried.length; name++) {
        tried[name] = sentence.clone();
        tried[name][1] = facts.name(name);
      }
      double[] score = new double[tried.length];
      if (model.causal()) {
        int[][] before = new int[tried.length][];
        Arrays.fill(before, new int[] {0, 1, 2, 3});
        double[][][] log = model.logProbabilities(tried, before);
        for (int name = 0; name < tried.length; name++) {
          for (int i = 0; i < 4; i++) {
            score[name] += log[name][i][tried[name][i + 1]];
          }
        }
      } else {
        int[] masked = sentence.clone();
        masked[1] = model.mask();
        double[] log = model.logProbabilities(new int[][] {masked}, new int[][] {{1}})[0][0];
        for (int name = 0; name < tried.length; name++) {
          score[name] = log[facts.name(name)];
        }
      }
      right += facts.name(Measures.best(score)) == sentence[1] ? 1 : 0;
    }
    return new Proportion(right, whole.length);
  }

  @Override
  public void report(Results results, Report report) {
    List<Series> bars = new ArrayList<>();
    List<Series> steps = new ArrayList<>();
    List<List<String>> table = new ArrayList<>();
    for (Masking masking : ARMS) {
      for (Seen seen : Seen.values()) {
        String arm = arm(masking, seen);
        List<Series.Point> points = new ArrayList<>();
        for (String measure : List.of("forward", "reverse", "infill")) {
          points.add(Results.point(points.size(), results.of(arm, measure, ONE)));
        }
        bars.add(Series.line(arm, points));
        steps.add(results.series(arm, arm, "reverse by step"));
        for (String group : List.of(ONE, "others")) {
          table.add(
              List.of(
                  arm,
                  group,
                  results.of(arm, "forward", group).percent(),
                  results.of(arm, "reverse", group).percent(),
                  results.of(arm, "infill", group).percent()));
        }
      }
    }
    Series first = steps.getFirst();
    double last = first.points().getLast().x();
    steps.add(
        Series.reference(
            "chance", 0, last, results.of(arm(Masking.LLADA, Seen.ONE_WAY), "chance").mean()));
    steps.add(
        Series.reference(
            "half of the description",
            0,
            last,
            results.of(arm(Masking.LLADA, Seen.ONE_WAY), "half").mean()));
    report.heading("Facts seen in one direction");
    report.chart(
        "facts",
        Chart.bars(
                "Right answers about the first half of the people",
                "share",
                List.of("A is ...", "D D is ...", "... is D D"),
                bars)
            .ofShares(),
        "The last group is filled in by LLaDA; for the autoregressive model it is a search over all"
            + " names.");
    report.chart(
        "steps",
        Chart.lines("Reversed sentences by steps of training", "steps", "share", false, steps)
            .ofShares(),
        "The first half of the people, asked for by their description. Chance is one name of all.");
    report.table(List.of("arm", "people", "A is ...", "D D is ...", "... is D D"), table);
  }
}
