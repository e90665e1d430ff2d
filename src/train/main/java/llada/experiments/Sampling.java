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
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import llada.backend.Backend;
import llada.diffusion.Decoder;
import llada.diffusion.DiffusionSampler;
import llada.diffusion.Generation;
import llada.diffusion.RandomSource;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.diffusion.commit.CommitRule;
import llada.diffusion.commit.EntropyBounded;
import llada.diffusion.commit.Factor;
import llada.diffusion.commit.Threshold;
import llada.evaluation.Proportion;
import llada.experiments.Claim.Term;
import llada.experiments.SmallModel.Recipe;
import llada.plot.Chart;
import llada.plot.Series;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.train.TrainingData;

/** Experiment 6: many ways to sample, from a network and from the exact denoiser. */
final class Sampling implements Experiment {
  private static final String NETWORK = "network";
  private static final String EXACT = "exact";
  private static final String GUMBEL = "gumbel";
  private static final List<String> RULES = List.of("threshold", "factor", "eb");
  private static final int GIVEN = 4; // BOS, "mia has a"
  private static final int ASKED = Fables.LENGTH - GIVEN; // 20
  private static final int SENTENCE =
      Fables.FIRST_SENTENCE + 1; // and the word that tells the order
  private static final int REST = Fables.LENGTH - SENTENCE; // 16
  private static final int WORDS = Fables.LENGTH - 1;
  private static final int TOGETHER = 64;
  private static final int FLOAT32 = 24; // bits of its uniform numbers
  private static final int FEW_BITS = 14; // so coarse that few draws show it
  private static final List<Integer> VOCABULARIES = List.of(69, 50_257, 126_464);
  private static final double STEPS = 1024;

  @Override
  public String name() {
    return "sampling";
  }

  @Override
  public String title() {
    return "Sampling";
  }

  @Override
  public String question() {
    return "The paper: fewer steps are worse (fig. 5), low-confidence remasking beats random by far"
        + " (70.0 against 21.3, table 9), block length hardly matters to the base model (table 7),"
        + " guidance helps a little (table 6), Gumbel noise needs float64. Which of it is the"
        + " sampler's, and which the network's?";
  }

  @Override
  public String setUp() {
    return "Stories of 23 words are written by a network and by the exact denoiser, which counts the"
        + " stories that agree with what is there, by the same sampler and the same rules. What"
        + " float32 noise draws from a Zipf distribution is computed in closed form, and drawn with"
        + " noise so coarse that a few draws show it. The network's learning rate is tuned on other"
        + " seeds.";
  }

  @Override
  public String limits() {
    return "In these stories the sure words are function words and the unsure ones depend on each"
        + " other, which is the worst for low confidence at few steps; other texts differ. The closed"
        + " form is of one draw from a Zipf distribution; what it does to a text of a large model is"
        + " not measured here.";
  }

  /** The name of an order in tables. */
  static String name(Remasking remasking) {
    return remasking.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static SmallModel.Shape shape() {
    return new SmallModel.Shape(48, 2, 3);
  }

  private static Recipe recipe(Size size, double rate) {
    return new Recipe(size.of(3, 3000, 12000), 32, rate);
  }

  private static int samples(Size size) {
    return size.of(4, 256, 1024);
  }

  @Override
  public List<Claim> claims(Size size) {
    return List.of(
        new Claim(
            "the exact denoiser, too, writes better in random order if steps are few",
            "45 % against 3 % in 8 steps",
            superior(free(EXACT, "random", 8), free(EXACT, "low-confidence", 8))),
        new Claim(
            "so does the network",
            "50 % against 7 % in 8 steps",
            superior(free(NETWORK, "random", 8), free(NETWORK, "low-confidence", 8))),
        new Claim(
            "at one word a step low confidence makes up for the network's errors",
            "100 % against 95 %; both 100 % with the exact denoiser",
            all(
                superior(free(NETWORK, "low-confidence", WORDS), free(NETWORK, "random", WORDS)),
                equivalent(free(EXACT, "low-confidence", WORDS), Term.constant(1), 0.02),
                equivalent(free(EXACT, "random", WORDS), Term.constant(1), 0.02))),
        new Claim(
            "and pays for it with stories that are more alike",
            "fewer different ones",
            superior(
                Term.of(NETWORK, "distinct random", WORDS),
                Term.of(NETWORK, "distinct low-confidence", WORDS))),
        new Claim(
            "more steps, better text",
            "with either denoiser, 4 against 23 steps in random order",
            all(
                superior(free(NETWORK, "random", WORDS), free(NETWORK, "random", 4)),
                superior(free(EXACT, "random", WORDS), free(EXACT, "random", 4)))),
        new Claim(
            "bounded entropy (eb, 0.01) writes as with one word a step, in fewer steps",
            "95 % or more in about half of the steps, exact denoiser",
            all(
                notInferior(Term.of(EXACT, "coherent eb", 0.01), Term.constant(1), 0.05),
                superior(Term.constant(WORDS), Term.of(EXACT, "steps eb", 0.01)))),
        new Claim(
            "the block length hardly matters, at one word a step",
            "blocks of 1 and of 20 within 5 points",
            equivalent(
                Term.of(NETWORK, "block 20 steps", 1),
                Term.of(NETWORK, "block 20 steps", ASKED),
                0.05)),
        new Claim(
            "guidance helps, without sharpening for it to undo",
            "nothing to be seen at temperature 1",
            superior(guided(1.0, 0.5), guided(1.0, 0))),
        new Claim(
            "at temperature 1.5 it brings back no more than temperature 1 has",
            "temperature 1 unguided is ahead",
            notInferior(guided(1.0, 0), guided(1.5, 0.5), 0.02)),
        new Claim(
            "float32 noise in LLaDA's sampler moves less than 1 % of the probability",
            "0.3 % of 126,464 tokens",
            equivalent(Term.of(GUMBEL, "moved", 126_464), Term.constant(0), 0.01)),
        new Claim(
            "where the mask competes, float32 noise lowers the entropy by over a nat",
            "8.1 to 5.6 nats of 126,464 tokens",
            superior(
                Term.of(GUMBEL, "float64 entropy", 126_464),
                Term.of(GUMBEL, "entropy after mask plus 1", 126_464))),
        new Claim(
            "with 69 tokens it cannot be seen",
            "less than 0.01 nats",
            equivalent(
                Term.of(GUMBEL, "float64 entropy", 69),
                Term.of(GUMBEL, "entropy after mask", 69),
                0.01)),
        new Claim(
            "the closed form is what is drawn",
            "rates within .004 of each other with the mask competing, .003 without",
            all(
                equivalent(
                    Term.of(GUMBEL, "drawn unmasked"), Term.of(GUMBEL, "computed unmasked"), 0.004),
                equivalent(
                    Term.of(GUMBEL, "drawn rare half"),
                    Term.of(GUMBEL, "computed rare half"),
                    0.003))));
  }

  private static Term free(String arm, String how, int steps) {
    return Term.of(arm, "free " + how, steps);
  }

  private static Term guided(double temperature, double w) {
    return Term.of(NETWORK, "guidance at " + temperature, w == 0 ? "0" : Double.toString(w));
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("data", "generated stories of 23 words, fresh in each step");
    config.put("network", shape().toString());
    config.put("training", recipe(size, 0).toString());
    config.put("samples", Integer.toString(samples(size)));
    return config;
  }

  @Override
  public Map<String, Tuning.Trial> trials(Size size, Inputs inputs) {
    return Map.of(
        NETWORK,
        (rate, seed, backend) -> {
          try (SmallModel model = model(seed, backend)) {
            return model.train(recipe(size, 0).trial(rate), Sampling::batch);
          }
        });
  }

  private static SmallModel model(long seed, Backend backend) {
    return new SmallModel(
        shape(), Fables.VOCABULARY, Masking.LLADA, Fables.LENGTH, TOGETHER, seed, backend);
  }

  /** All of a story may be masked, since guidance asks without the prompt. */
  private static TrainingData.Batch batch(int count, SplittableRandom random) {
    return SmallModel.Source.batch(Fables.stories(count, false, random));
  }

  @Override
  public List<Job> jobs(Setup setup) {
    Size size = setup.size();
    List<Job> jobs = new ArrayList<>();
    for (long seed : setup.seeds()) {
      jobs.add(
          new Job(
              NETWORK,
              seed,
              (backend, rows) -> {
                try (SmallModel model = model(seed, backend)) {
                  model.train(recipe(size, setup.rate(NETWORK)), Sampling::batch);
                  Texts texts = new Texts(model::generation, size, seed);
                  both(texts, rows);
                  blocksAndGuidance(texts, rows);
                }
              }));
      jobs.add(
          new Job(
              EXACT,
              seed,
              (backend, rows) -> {
                try (ExactFables exact = new ExactFables(backend.kernels(), TOGETHER)) {
                  DiffusionSampler sampler = new DiffusionSampler(exact, exact.config());
                  Writer writer = (p, o, r) -> sampler.generate(p, null, o, r, StepListener.NONE);
                  both(new Texts(writer, size, seed), rows);
                }
              }));
      jobs.add(new Job(GUMBEL, seed, (_, rows) -> gumbel(size, seed, rows)));
    }
    return jobs;
  }

  /** What answers a batch of prompts. */
  private interface Writer {
    Generation generate(int[][] prompts, SamplerOptions options, RandomSource random);
  }

  /** Stories that a writer makes. */
  private record Texts(Writer writer, Size size, long seed) {
    /** Stories of which the first tokens are given; held-out ones, or BOS. */
    int[][] written(int given, SamplerOptions options, int together, List<Integer> steps) {
      RandomSource random = RandomSource.seeded(seed);
      SplittableRandom drawn = RandomStreams.of(seed, Purpose.EXPERIMENT_HELD_OUT);
      int[][] prompts = Fables.stories(samples(size), true, drawn);
      Arrays.setAll(prompts, b -> Arrays.copyOf(prompts[b], given));
      List<int[]> all = new ArrayList<>();
      for (int from = 0; from < prompts.length; from += together) {
        int[][] part = Arrays.copyOfRange(prompts, from, Math.min(prompts.length, from + together));
        Generation made =
            writer.generate(part, options, SmallModel.shifted(random, from)); // numbers of its own
        all.addAll(Arrays.asList(made.x()));
        steps.add(made.steps());
      }
      return all.toArray(int[][]::new);
    }

    int[][] written(int given, SamplerOptions options) {
      return written(given, options, TOGETHER, new ArrayList<>());
    }
  }

  private static void both(Texts texts, Job.Rows rows) {
    for (int steps : new int[] {1, 2, 4, 8, 16, WORDS}) {
      for (Remasking order : List.of(Remasking.RANDOM, Remasking.LOW_CONFIDENCE)) {
        int[][] stories = texts.written(1, free(steps).remasking(order).build());
        rows.add("free " + name(order), steps, Measures.coherent(stories));
        rows.add("distinct " + name(order), steps, Measures.distinctCoherent(stories));
      }
    }
    for (String rule : RULES) {
      for (double strength :
          switch (rule) {
            case "threshold" -> new double[] {0.3, 0.6, 0.9};
            case "factor" -> new double[] {0.3, 1, 2};
            default -> new double[] {0.01, 0.1, 1};
          }) {
        SamplerOptions options =
            free(WORDS).decoder(Decoder.exact().with(rule(rule, strength))).build();
        List<Integer> steps = new ArrayList<>();
        int[][] stories = texts.written(1, options, 1, steps);
        String x = Double.toString(strength);
        rows.add("coherent " + rule, x, Measures.coherent(stories));
        rows.add("steps " + rule, x, steps.stream().mapToInt(n -> n).average().orElseThrow());
      }
    }
  }

  private static CommitRule rule(String name, double strength) {
    return switch (name) {
      case "threshold" -> new Threshold(strength);
      case "factor" -> new Factor(strength);
      default -> new EntropyBounded(strength);
    };
  }

  private static void blocksAndGuidance(Texts texts, Job.Rows rows) {
    for (int block : new int[] {1, 2, 4, 5, 10, ASKED}) {
      for (int steps : new int[] {4, ASKED}) {
        if (steps * block % ASKED == 0) { // each block has as many steps
          SamplerOptions options =
              SamplerOptions.defaults().toBuilder()
                  .lengths(steps, ASKED, block)
                  .temperature(1)
                  .build();
          rows.add(
              "block %d steps".formatted(steps),
              block,
              Measures.coherent(texts.written(GIVEN, options)));
        }
      }
    }
    for (double w : new double[] {0, 0.5, 1, 2, 4}) {
      for (double temperature : new double[] {1, 1.5}) {
        SamplerOptions options =
            SamplerOptions.defaults().toBuilder()
                .lengths(REST, REST, REST)
                .remasking(Remasking.RANDOM)
                .temperature(temperature)
                .cfgScale(w)
                .build();
        rows.add(
            "guidance at " + temperature,
            Double.toString(w).replaceAll("\\.0$", ""),
            Measures.coherent(texts.written(SENTENCE, options)));
      }
    }
  }

  private static SamplerOptions.Builder free(int steps) {
    return SamplerOptions.defaults().toBuilder().lengths(steps, WORDS, WORDS).temperature(1);
  }

  private static void gumbel(Size size, long seed, Job.Rows rows) {
    for (int tokens : VOCABULARIES) {
      double[] p = CoarseGumbel.zipf(tokens);
      double[] alone = CoarseGumbel.drawn(p, FLOAT32);
      double[] masked = CoarseGumbel.drawn(CoarseGumbel.withMask(p, 1 / STEPS), FLOAT32);
      rows.add("moved", tokens, CoarseGumbel.totalVariation(p, alone));
      rows.add("float64 entropy", tokens, CoarseGumbel.entropy(p, 0));
      rows.add("entropy", tokens, CoarseGumbel.entropy(alone, 0));
      rows.add("entropy after mask", tokens, CoarseGumbel.entropy(masked, 1));
      rows.add("entropy after mask plus 1", tokens, 1 + CoarseGumbel.entropy(masked, 1));
      rows.add("unmasked", tokens, (1 - masked[0]) * STEPS);
      rows.add("float64 rare half", tokens, CoarseGumbel.rareHalf(p, 0));
      rows.add("rare half after mask", tokens, CoarseGumbel.rareHalf(masked, 1));
    }
    int tokens = 512;
    int draws = size.of(200, 50_000, 200_000);
    SplittableRandom random = RandomStreams.of(seed, Purpose.EXPERIMENT_MEASURE);
    double[] p = CoarseGumbel.zipf(tokens);
    double[] masked = CoarseGumbel.withMask(p, 0.1);
    int[] seen = CoarseGumbel.counts(masked, FEW_BITS, draws, random);
    rows.add("computed unmasked", "", 1 - CoarseGumbel.drawn(masked, FEW_BITS)[0]);
    rows.add("drawn unmasked", "", new Proportion(draws - seen[0], draws));
    int[] alone = CoarseGumbel.counts(p, FEW_BITS, draws, random);
    long rare = IntStream.range(tokens / 2, tokens).mapToLong(i -> alone[i]).sum();
    rows.add("computed rare half", "", CoarseGumbel.rareHalf(CoarseGumbel.drawn(p, FEW_BITS), 0));
    rows.add("drawn rare half", "", new Proportion(rare, draws));
  }

  @Override
  public void report(Results results, Report report) {
    List<Series> free = new ArrayList<>();
    List<Series> rules = new ArrayList<>();
    for (String arm : List.of(EXACT, NETWORK)) {
      for (String how : List.of("random", "low-confidence")) {
        free.add(results.series(arm + ", " + how, arm, "free " + how));
      }
      for (String rule : RULES) {
        List<Series.Point> points =
            results.conditions(arm, "coherent " + rule).stream()
                .map(
                    x ->
                        Results.point(
                            results.of(arm, "steps " + rule, x).mean(),
                            results.of(arm, "coherent " + rule, x)))
                .sorted((a, b) -> Double.compare(a.x(), b.x()))
                .toList();
        rules.add(Series.line(arm + ", " + rule, points));
      }
    }
    rules.add(new Series("exact, random", free.getFirst().points(), Series.Style.REFERENCE));
    report.heading("Steps and order");
    report.chart(
        "free",
        shares("Coherent stories from nothing, temperature 1", free),
        """
        The exact denoiser makes no error of its own: what it loses is lost by words that are \
        revealed together, unseen by each other.""");
    report.heading("Rules that commit as many as they dare");
    report.chart(
        "rules",
        shares("Coherent stories by the mean steps of a rule", rules),
        """
        Each point is a strength of the rule, each story taken as many steps as it needed.""");
    report.heading("Blocks and guidance");
    report.chart(
        "blocks",
        Chart.lines(
                "Coherent stories from three words by block length, low confidence, temperature 1",
                "block length",
                "share",
                true,
                List.of(
                    results.series("20 steps", NETWORK, "block 20 steps"),
                    results.series("4 steps", NETWORK, "block 4 steps")))
            .ofShares(),
        "Block 1 is the order of writing.");
    report.chart(
        "guidance",
        Chart.lines(
                "Coherent continuations of a sentence by guidance, one word a step",
                "w",
                "share",
                false,
                List.of(
                    results.series("temperature 1", NETWORK, "guidance at 1.0"),
                    results.series("temperature 1.5", NETWORK, "guidance at 1.5")))
            .ofShares(),
        "logits = without + (w + 1) (with - without the prompt).");
    report.heading("Float32 noise");
    List<List<String>> table = new ArrayList<>();
    List<String> measures =
        List.of(
            "moved",
            "float64 entropy",
            "entropy",
            "entropy after mask",
            "unmasked",
            "float64 rare half",
            "rare half after mask");
    for (int tokens : VOCABULARIES) {
      List<String> row = new ArrayList<>(List.of(Integer.toString(tokens)));
      for (String measure : measures) {
        double value = results.of(GUMBEL, measure, Integer.toString(tokens)).mean();
        row.add(String.format(Locale.ROOT, "%.4f", value));
      }
      table.add(row);
    }
    List<String> header = new ArrayList<>(List.of("tokens"));
    header.addAll(measures);
    report.table(header, table);
    report.text(
        "Zipf's distribution, in nats. \"Moved\" is the total variation of what LLaDA's sampler draws,"
            + " where the mask does not compete; \"after mask\" where it does, with probability 1 -"
            + " 1/1024 as in a chain of 1024 steps; \"unmasked\" is the rate against the right one.");
  }

  private static Chart shares(String title, List<Series> series) {
    return Chart.lines(title, "steps for 23 words", "share", true, series).ofShares();
  }
}
