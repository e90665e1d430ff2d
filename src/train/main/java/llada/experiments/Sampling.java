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

/** Experiment 6: one model, many ways to sample from it. */
final class Sampling implements Experiment {
  private static final String ARM = "llada";
  private static final int GIVEN = 4; // BOS, "mia has a"
  private static final int ASKED = Fables.LENGTH - GIVEN; // 20
  private static final int SENTENCE =
      Fables.FIRST_SENTENCE + 1; // and the word that tells the order
  private static final int REST = Fables.LENGTH - SENTENCE; // 16
  private static final int WORDS = Fables.LENGTH - 1;
  private static final double HOT = 1.5;

  @Override
  public String name() {
    return "sampling";
  }

  @Override
  public String title() {
    return "Sampling";
  }

  @Override
  public String claim() {
    return "Fewer steps are faster and worse: GSM8K falls from 70 to 22 between 256 and 32 steps"
        + " (fig. 5). Low-confidence remasking beats random remasking by far (70.0 against 21.3,"
        + " table 9). The block length of semi-autoregressive sampling hardly matters to the base"
        + " model (table 7). Guidance improves benchmarks a little (table 6). Gumbel noise needs"
        + " float64.";
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
    config.put("samples", Integer.toString(samples(size)));
    config.put("judge", Judge.shape() + ", autoregressive, " + Judge.recipe(size));
    return config;
  }

  private static int samples(Size size) {
    return size.of(16, 256, 1024);
  }

  @Override
  public List<Job> jobs(Size size, List<Long> seeds, Inputs inputs) {
    return seeds.stream()
        .map(seed -> new Job(ARM, seed, (backend, rows) -> measure(size, seed, backend, rows)))
        .toList();
  }

  private static void measure(Size size, long seed, Backend backend, Job.Rows rows) {
    try (SmallModel model =
        new SmallModel(
            shape(), Fables.VOCABULARY, Objective.LLADA, Fables.LENGTH, 64, seed, backend)) {
      model.train(recipe(size), Fables::batch);
      Sampler sampler = new Sampler(model, size, seed);
      for (Remasking remasking : Remasking.values()) {
        String name = remasking.name().toLowerCase(Locale.ROOT).replace('_', '-');
        for (int steps : new int[] {1, 2, 4, 5, 10, ASKED}) {
          SamplerOptions options = greedy(steps, ASKED).remasking(remasking).build();
          rows.add("continued " + name, steps, coherent(sampler, options));
        }
      }
      for (int steps : new int[] {1, 2, 4, 8, 16, WORDS}) {
        for (Remasking remasking : List.of(Remasking.RANDOM, Remasking.LOW_CONFIDENCE)) {
          String name = remasking.name().toLowerCase(Locale.ROOT).replace('_', '-');
          int[][] written = sampler.free(free(steps, 1).remasking(remasking).build());
          rows.add("free " + name, steps, Measures.coherent(written));
          rows.add("judge " + name, steps, Judge.of(size).nats(written));
        }
      }
      for (int block : new int[] {1, 2, 4, 5, 10, ASKED}) {
        for (int steps : new int[] {4, 10, ASKED}) {
          if (steps * block % ASKED == 0) { // each block has as many steps
            SamplerOptions options = greedy(steps, block).build();
            rows.add("block %d steps".formatted(steps), block, coherent(sampler, options));
          }
        }
      }
      for (double w : new double[] {0, 0.5, 1, 2, 4}) {
        for (double temperature : new double[] {1, HOT}) {
          SamplerOptions options =
              SamplerOptions.defaults().toBuilder()
                  .lengths(REST, REST, REST)
                  .remasking(Remasking.RANDOM)
                  .temperature(temperature)
                  .cfgScale(w)
                  .build();
          rows.add(
              "guidance at " + temperature,
              w,
              Measures.coherent(sampler.continued(SENTENCE, options)));
        }
      }
      for (double temperature : new double[] {0.3, 0.6, 0.8, 1, 1.2}) {
        SamplerOptions options = free(WORDS, temperature).remasking(Remasking.RANDOM).build();
        texts(size, "float64", temperature, sampler.free(options), rows);
        texts(size, "float32", temperature, sampler.inFloat32().free(options), rows);
      }
    }
  }

  private static double coherent(Sampler sampler, SamplerOptions options) {
    return Measures.coherent(sampler.continued(GIVEN, options));
  }

  private static SamplerOptions.Builder greedy(int steps, int block) {
    return SamplerOptions.defaults().toBuilder().lengths(steps, ASKED, block);
  }

  private static SamplerOptions.Builder free(int steps, double temperature) {
    return SamplerOptions.defaults().toBuilder()
        .lengths(steps, WORDS, WORDS)
        .temperature(temperature);
  }

  private static void texts(
      Size size, String noise, double temperature, int[][] stories, Job.Rows rows) {
    int[][] words =
        Arrays.stream(stories).map(s -> Arrays.copyOfRange(s, 1, s.length)).toArray(int[][]::new);
    rows.add("coherent " + noise, temperature, Measures.coherent(stories));
    rows.add("judge " + noise, temperature, Judge.of(size).nats(stories));
    rows.add("distinct-3 " + noise, temperature, Measures.distinct(words, 3));
  }

  /** A model with its prompts and random numbers. */
  private record Sampler(SmallModel model, Size size, RandomSource random) {
    Sampler(SmallModel model, Size size, long seed) {
      this(model, size, RandomSource.seeded(seed));
    }

    /**
     * The same with uniform numbers of float32, as torch.rand gives them: 24 bits, 0 among them.
     */
    Sampler inFloat32() {
      return new Sampler(
          model,
          size,
          new RandomSource() {
            @Override
            public double noise(int step, int sequence, int position, int token) {
              double u = random.noise(step, sequence, position, token);
              return Math.max(Double.MIN_NORMAL, Math.floor(u * 0x1p24) * 0x1p-24);
            }

            @Override
            public double score(int step, int sequence, int position) {
              return random.score(step, sequence, position);
            }
          });
    }

    /** Stories of which the first tokens are given. */
    int[][] continued(int given, SamplerOptions options) {
      int[][] stories =
          Fables.stories(samples(size), RandomStreams.of(0, Purpose.EXPERIMENT_HELD_OUT));
      int[][] prompts =
          Arrays.stream(stories).map(s -> Arrays.copyOf(s, given)).toArray(int[][]::new);
      return Measures.join(prompts, model.generate(prompts, options, random));
    }

    /** Stories from nothing. */
    int[][] free(SamplerOptions options) {
      int[][] prompts = new int[samples(size)][1]; // BOS is 0
      return Measures.join(prompts, model.generate(prompts, options, random));
    }
  }

  @Override
  public void report(Results results, Report report) {
    String all = Integer.toString(ASKED);
    Interval one = results.of(ARM, "continued random", "1");
    Interval each = results.of(ARM, "continued random", all);
    Interval nothing = results.of(ARM, "free random", "1");
    Interval freely = results.of(ARM, "free random", Integer.toString(WORDS));
    report.finding(
        "more steps, better text",
        "coherent from three words %s in 1 step, %s in %s (one word a step); from nothing %s in 1, %s in %d"
            .formatted(
                one.percent(), each.percent(), all, nothing.percent(), freely.percent(), WORDS),
        Agreement.of(one.below(each) && nothing.below(freely), nothing.below(freely)));
    List<String> compared = new ArrayList<>();
    int wins = 0;
    int losses = 0;
    for (String steps : List.of("4", "8", "16", Integer.toString(WORDS))) {
      Interval random = results.of(ARM, "free random", steps);
      Interval low = results.of(ARM, "free low-confidence", steps);
      wins += random.below(low) ? 1 : 0;
      losses += low.below(random) ? 1 : 0;
      compared.add("%s against %s in %s steps".formatted(low.percent(), random.percent(), steps));
    }
    report.finding(
        "low-confidence remasking beats random",
        "coherent from nothing " + String.join("; ", compared),
        Agreement.of(wins > 0 && losses == 0, wins > 0));
    double most = 0;
    double least = 1;
    String oneEach = "block %s steps".formatted(all);
    for (String block : results.conditions(ARM, oneEach)) {
      double mean = results.of(ARM, oneEach, block).mean();
      most = Math.max(most, mean);
      least = Math.min(least, mean);
    }
    report.finding(
        "the block length hardly matters, at one word a step",
        String.format(
            Locale.ROOT, "%.1f %% to %.1f %% over blocks of 1 to %s", 100 * least, 100 * most, all),
        Agreement.of(most > 0.1 && most - least < 0.05, most > 0.1 && most - least < 0.15));
    String hot = "guidance at " + HOT;
    Interval without = results.of(ARM, hot, "0");
    Interval with = results.of(ARM, hot, "0.5");
    report.finding(
        "guidance helps a little",
        "coherent continuations of a sentence at temperature %s: %s without, %s at w = 0.5, %s at w = 2"
            .formatted(HOT, without.percent(), with.percent(), results.of(ARM, hot, "2").percent()),
        Agreement.of(without.below(with), with.mean() > without.mean()));
    double difference = 0;
    double spread = 0;
    for (String t : results.conditions(ARM, "judge float64")) {
      Interval exact = results.of(ARM, "judge float64", t);
      difference =
          Math.max(difference, Math.abs(exact.mean() - results.of(ARM, "judge float32", t).mean()));
      spread = Math.max(spread, exact.high() - exact.mean());
    }
    report.finding(
        "float32 Gumbel noise changes what is sampled",
        String.format(
            Locale.ROOT,
            "judge differs by at most %.4f nats a word, half the interval over seeds is up to %.4f",
            difference,
            spread),
        Agreement.of(difference > spread, difference > 0.25 * spread));
    report.heading("Steps and remasking");
    List<Series> continued = new ArrayList<>();
    for (String how : List.of("random", "low-confidence", "entropy", "margin")) {
      continued.add(results.series(how, ARM, "continued " + how));
    }
    report.chart(
        "continued",
        Chart.lines(
                "Coherent stories from three words, greedy",
                "steps for 20 words",
                "share",
                true,
                continued)
            .ofShares(),
        "Words revealed in one step do not see each other.");
    report.chart(
        "free",
        Chart.lines(
                "Coherent stories from nothing, temperature 1",
                "steps for 23 words",
                "share",
                true,
                List.of(
                    results.series("random", ARM, "free random"),
                    results.series("low-confidence", ARM, "free low-confidence")))
            .ofShares(),
        "Nothing is given, so every choice is made by sampling. With few steps the surest words are"
            + " those that all stories share; the ones that matter come last, all at once, without"
            + " seeing each other. At one word a step the surest first is best, of stories that are"
            + " more alike.");
    report.heading("Blocks");
    report.chart(
        "blocks",
        Chart.lines(
                "Coherent stories from three words by block length, low confidence, greedy",
                "block length",
                "share",
                true,
                List.of(
                    results.series("20 steps", ARM, "block 20 steps"),
                    results.series("10 steps", ARM, "block 10 steps"),
                    results.series("4 steps", ARM, "block 4 steps")))
            .ofShares(),
        "Block 1 is the order of writing.");
    report.heading("Guidance");
    report.chart(
        "guidance",
        Chart.lines(
                "Coherent continuations of a sentence by guidance, one word a step",
                "w",
                "share",
                false,
                List.of(
                    results.series("temperature 1", ARM, "guidance at 1.0"),
                    results.series("temperature " + HOT, ARM, "guidance at " + HOT)))
            .ofShares(),
        "logits = without + (w + 1) (with - without the prompt).");
    report.heading("Temperature");
    List<List<String>> table = new ArrayList<>();
    for (String t : results.conditions(ARM, "judge float64")) {
      for (String noise : List.of("float64", "float32")) {
        table.add(
            List.of(
                t,
                noise,
                results.of(ARM, "judge " + noise, t).toString(),
                results.of(ARM, "coherent " + noise, t).percent(),
                results.of(ARM, "distinct-3 " + noise, t).toString()));
      }
    }
    report.table(
        List.of("temperature", "noise", "judge, nats a word", "coherent", "distinct-3"), table);
    report.text(
        "float32 noise has no number between 1 - 2^-24 and 1, so no token gets more than 16.6 of"
            + " noise: those less likely than about 6e-8 are never drawn. With the 69 tokens of this"
            + " vocabulary hardly any are. The effect that is reported for masked diffusion (Zheng"
            + " et al. 2024) comes from samplers that let the mask itself compete in the draw, with"
            + " thousands of steps; LLaDA's sampler decides how many are revealed beforehand.");
  }
}
