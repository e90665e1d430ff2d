package llada.experiments;

import static llada.experiments.Claim.Rule.all;
import static llada.experiments.Claim.Rule.equivalent;
import static llada.experiments.Claim.Rule.notInferior;
import static llada.experiments.Claim.Rule.superior;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import llada.backend.Backend;
import llada.evaluation.Proportion;
import llada.experiments.Claim.Term;
import llada.experiments.SmallModel.Recipe;
import llada.plot.Chart;
import llada.plot.Series;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/** Experiment 3: rules that can only be learnt from the examples in the prompt, by range of t. */
final class InContextLearning implements Experiment {
  private static final Masking LLADA = Masking.LLADA;
  private static final Masking LOW = Masking.range(0, 0.25);
  private static final Masking SECOND = Masking.range(0.25, 0.5);
  private static final Masking THIRD = Masking.range(0.5, 0.75);
  private static final Masking HIGH = Masking.range(0.75, 1);
  private static final Masking FEW = Masking.fixed(0.15);
  private static final List<Masking> ARMS =
      List.of(LLADA, LOW, SECOND, THIRD, HIGH, FEW, Masking.fixed(0.5), Masking.AR);
  private static final double LEARNT = 0.9;
  private static final double MARGIN = 0.05;

  // A value of the nine of a sequence is hidden, of recall and of induction in turn. Who sees the
  // other values alone: the last is any of those shown; the example that is asked for is known,
  // since no other value comes twice; of recall's others none shown is left, four are possible.
  private static final double FILL_VALUES = (1 / 8.0 + 1 + 7 / 4.0 + 1 / 4.0 + 8) / 18;
  private static final double FILL_BEST = (2 + 7 / 4.0 + 9) / 18; // who looks keys up, too
  private static final double[] VISIBLE = {0, 0.25, 0.5, 0.75, 1};

  @Override
  public String name() {
    return "shots";
  }

  @Override
  public String title() {
    return "In-context learning by range of t";
  }

  @Override
  public String question() {
    return "The paper says that varying mask ratios give LLaDA in-context learning (sec. 2.1), and it"
        + " is the low ratios that show a question with its examples. Looking a value up needs the key"
        + " asked for, its copy and the value to be seen, of which a share t lets through (1 - t)^3; is"
        + " the time to learn it the shorter, the larger the mean of that over t?";
  }

  @Override
  public String setUp() {
    return "One network learns recall of 8 pairs and induction of 4 keys shown twice, with t from"
        + " seven ranges, weights 1/t, beside the autoregressive model. Accuracy is read forty"
        + " times and compared at equal steps and at equal numbers of predicted tokens, without"
        + " lowering the learning rate, which is tuned for each arm on other seeds, after a third of"
        + " the steps. Arms that see 90 % too late for the observation count with its end in the"
        + " differences; the curves are Kaplan and Meier's.";
  }

  @Override
  public String limits() {
    return "A network of two layers on two tasks of lookup is not in-context learning at large; an"
        + " arm that fails here may only need more steps. Accuracy above the dashed line is lookup;"
        + " which circuit does it is not examined.";
  }

  /** E[(1 - t)^3]: key, copy and value are all seen. */
  static double signal(Masking masking) {
    double low = 1 - masking.low();
    double high = 1 - masking.high();
    return masking.causal()
        ? 1
        : low == high ? low * low * low : (Math.pow(low, 4) - Math.pow(high, 4)) / 4 / (low - high);
  }

  @Override
  public List<Claim> claims(Size size) {
    Term shortcut = Term.constant(Shots.RECALL.shortcut(Shots.MOST));
    String most = Integer.toString(Shots.MOST);
    return List.of(
        new Claim(
            "U(0,.25) learns recall sooner than U(.25,.5), at equal steps",
            "E[(1-t)^3] is %.2f against %.2f".formatted(signal(LOW), signal(SECOND)),
            superior(steps(SECOND), steps(LOW))),
        new Claim(
            "and that sooner than U(.5,.75)",
            "%.2f against %.2f".formatted(signal(SECOND), signal(THIRD)),
            superior(steps(THIRD), steps(SECOND))),
        new Claim(
            "low ratios alone teach it sooner than U(0,1), at equal steps",
            "%.2f against %.2f".formatted(signal(LOW), signal(LLADA)),
            superior(steps(LLADA), steps(LOW))),
        new Claim(
            "and at equal predicted tokens",
            "open: U(0,.25) predicts a fourth as many a step",
            superior(tokens(LLADA), tokens(LOW))),
        new Claim(
            "U(0,1) and U(.25,.5), of the same E[(1-t)^3], learn it, neither in over 1.5 times as long",
            "%.2f and %.2f".formatted(signal(LLADA), signal(SECOND)),
            all(
                superior(Term.constant(horizon(size)), steps(LLADA)),
                superior(Term.constant(horizon(size)), steps(SECOND)),
                superior(steps(SECOND).times(1.5), steps(LLADA)),
                superior(steps(LLADA).times(1.5), steps(SECOND)))),
        new Claim(
            "U(.75,1) stays at what values alone tell",
            "%.3f: one in eight".formatted(signal(HIGH)),
            equivalent(Term.of(HIGH.name(), "recall", most), shortcut, MARGIN)),
        new Claim(
            "U(0,1) learns recall in context",
            "above one in eight by more than 5 points",
            superior(
                Term.of(LLADA.name(), "recall", most),
                Term.constant(Shots.RECALL.shortcut(Shots.MOST) + MARGIN))),
        new Claim(
            "and as well as the autoregressive model",
            "not by these steps",
            notInferior(
                Term.of(LLADA.name(), "recall", most),
                Term.of(Masking.AR.name(), "recall", most),
                MARGIN)),
        new Claim(
            "with all else visible it fills what values alone do not tell",
            "above %.3f, of %.3f that are possible".formatted(FILL_VALUES, FILL_BEST),
            superior(Term.of(LLADA.name(), "fill", "1.0"), Term.constant(FILL_VALUES))));
  }

  private static Term steps(Masking masking) {
    return Term.of(masking.name(), "steps to learn recall");
  }

  private static Term tokens(Masking masking) {
    return Term.of(masking.name(), "tokens to learn recall");
  }

  private static SmallModel.Shape shape() {
    return new SmallModel.Shape(64, 2, 8);
  }

  /** Steps of the comparison. */
  private static int horizon(Size size) {
    return size.of(8, 10_000, 40_000);
  }

  private static int every(Size size) {
    return horizon(size) / (size == Size.TINY ? 4 : 40);
  }

  /** Until the arm has had the steps, and predicted as many tokens as U(0, 1) in them. */
  private static Recipe recipe(Size size, Masking masking, double rate) {
    double longer = Math.max(1, LLADA.predicted() / masking.predicted());
    return new Recipe((int) Math.ceil(horizon(size) * longer), 32, rate, true);
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("tasks", "recall and induction, all shown values equally frequent");
    config.put("network", shape().toString());
    for (Masking arm : ARMS) {
      config.put("training of " + arm, recipe(size, arm, 0).toString());
    }
    return config;
  }

  @Override
  public Map<String, Tuning.Trial> trials(Size size, Inputs inputs) {
    Map<String, Tuning.Trial> trials = new LinkedHashMap<>();
    for (Masking arm : ARMS) {
      trials.put(
          arm.name(),
          (rate, seed, backend) -> {
            try (SmallModel model = model(arm, seed, backend)) {
              model.train(new Recipe(Math.max(1, horizon(size) / 3), 32, rate, true), Shots::batch);
              return Arrays.stream(Shots.values())
                  .mapToDouble(task -> asked(size, model, task, Shots.MOST, seed, 1).nats)
                  .sum();
            }
          });
    }
    return trials;
  }

  private static SmallModel model(Masking masking, long seed, Backend backend) {
    return new SmallModel(shape(), Shots.VOCABULARY, masking, Shots.LENGTH, 64, seed, backend);
  }

  @Override
  public List<Job> jobs(Setup setup) {
    List<Job> jobs = new ArrayList<>();
    for (long seed : setup.seeds()) {
      for (Masking arm : ARMS) {
        double rate = setup.rate(arm.name());
        jobs.add(
            new Job(
                arm.name(),
                seed,
                (backend, rows) -> {
                  try (SmallModel model = model(arm, seed, backend)) {
                    watch(setup.size(), model, arm, recipe(setup.size(), arm, rate), seed, rows);
                  }
                }));
      }
    }
    return jobs;
  }

  private static void watch(
      Size size, SmallModel model, Masking arm, Recipe recipe, long seed, Job.Rows rows) {
    int horizon = horizon(size);
    Map<Shots, Double> learnt = new EnumMap<>(Shots.class);
    model.train(
        recipe,
        Shots::batch,
        step -> {
          if (step % every(size) == 0) {
            for (Shots task : Shots.values()) {
              Proportion right = asked(size, model, task, Shots.MOST, seed, 1).right;
              rows.add(task + " by step", step, right.value());
              if (right.value() >= LEARNT) {
                learnt.putIfAbsent(task, (double) step);
              }
            }
          }
          if (step == horizon) {
            atEnd(size, model, seed, rows);
          }
        });
    double worth = arm.predicted() / LLADA.predicted(); // predicted tokens, in steps of U(0, 1)
    for (Shots task : Shots.values()) {
      double step = learnt.getOrDefault(task, Double.POSITIVE_INFINITY);
      rows.add("steps to learn " + task, Math.min(horizon, step));
      rows.add("tokens to learn " + task, Math.min(horizon, step * worth));
    }
  }

  private static void atEnd(Size size, SmallModel model, long seed, Job.Rows rows) {
    for (Shots task : Shots.values()) {
      for (int shots = 0; shots <= Shots.MOST; shots += 2) {
        rows.add(task.toString(), shots, asked(size, model, task, shots, seed, 0).right);
      }
    }
    if (model.causal()) {
      rows.add("fill left", "", filled(size, model, 1, seed));
    } else {
      for (double share : VISIBLE) {
        rows.add("fill", share, filled(size, model, share, seed));
      }
    }
  }

  /**
   * Answers to questions never trained on.
   *
   * @param nats mean -ln p of the right one
   */
  private record Asked(Proportion right, double nats) {}

  private static Asked asked(
      Size size, SmallModel model, Shots task, int shots, long seed, int set) {
    SplittableRandom random = RandomStreams.of(seed, Purpose.EXPERIMENT_HELD_OUT, set, shots);
    int count = set == 1 ? size.of(16, 256, 256) : size.of(16, 512, 2048);
    int[][] x = new int[count][];
    Arrays.setAll(x, _ -> task.sequence(shots, random));
    int[] last = new int[count];
    Arrays.fill(last, x[0].length - 1);
    return asked(model, x, last);
  }

  /** What stands at a position of each, all else given or masked as it is. */
  private static Asked asked(SmallModel model, int[][] x, int[] at) {
    int[] answers = new int[x.length];
    int[][] rows = new int[x.length][1];
    for (int b = 0; b < x.length; b++) {
      answers[b] = x[b][at[b]];
      x[b][at[b]] = model.mask();
      // The autoregressive model answers where the token before is.
      rows[b][0] = model.causal() ? at[b] - 1 : at[b];
    }
    double[][][] log = model.logProbabilities(x, rows);
    long right = 0;
    double nats = 0;
    for (int b = 0; b < x.length; b++) {
      right += Measures.best(log[b][0]) == answers[b] ? 1 : 0;
      nats -= log[b][0][answers[b]] / x.length;
    }
    return new Asked(new Proportion(right, x.length), nats);
  }

  /** A value anywhere in the sequence, with a share of all other tokens visible. */
  private static Proportion filled(Size size, SmallModel model, double share, long seed) {
    SplittableRandom random = RandomStreams.of(seed, Purpose.EXPERIMENT_HELD_OUT, 2);
    int count = size.of(16, 512, 2048);
    int[][] x = new int[count][];
    int[] at = new int[count];
    for (int b = 0; b < count; b++) {
      x[b] = List.of(Shots.values()).get(b % Shots.values().length).sequence(Shots.MOST, random);
      int asked = 2 + 2 * random.nextInt(Shots.MOST + 1);
      at[b] = asked;
      int[] others =
          IntStream.range(1, x[b].length).filter(i -> i != asked).toArray(); // the task is given
      int hidden = (int) Math.round((1 - share) * others.length);
      for (int i = 0; i < others.length; i++) { // every choice of them is as likely
        if (random.nextInt(others.length - i) < hidden) {
          x[b][others[i]] = model.mask();
          hidden--;
        }
      }
    }
    return asked(model, x, at).right;
  }

  @Override
  public void report(Results results, Report report) {
    for (Shots task : Shots.values()) {
      List<Series> byStep = new ArrayList<>();
      List<Series> byShots = new ArrayList<>();
      List<Series> unlearnt = new ArrayList<>();
      for (Masking arm : ARMS) {
        Series line = results.series(arm.name(), arm.name(), task + " by step");
        byStep.add(new Series(arm.name(), line.points(), Series.Style.CURVE));
        byShots.add(results.series(arm.name(), arm.name(), task.toString()));
        unlearnt.add(
            new Series(
                arm.name(), survival(results, arm, "steps", task).curve(), Series.Style.CURVE));
      }
      byStep.add(
          Series.reference(
              "values alone",
              byStep.getFirst().points().getFirst().x(),
              byStep.stream().mapToDouble(line -> line.points().getLast().x()).max().orElseThrow(),
              task.shortcut(Shots.MOST)));
      byShots.add(reference("values alone", task::shortcut));
      byShots.add(reference("best possible", task::best));
      report.heading(task.toString());
      report.chart(
          "%s-steps".formatted(task),
          Chart.lines("Right answers with 8 examples: " + task, "steps", "share", true, byStep)
              .ofShares(),
          "Means over seeds. The dashed line is what any of the values shown would reach.");
      report.chart(
          "%s-survival".formatted(task),
          Chart.lines("Seeds below 90 %: " + task, "steps", "share of seeds", false, unlearnt)
              .ofShares(),
          "Kaplan and Meier's estimate, at equal steps.");
      report.chart(
          task.toString(),
          Chart.lines("By examples in the prompt: " + task, "examples", "share", false, byShots)
              .ofShares(),
          "After equal steps.");
    }
    List<List<String>> table = new ArrayList<>();
    for (Masking arm : ARMS) {
      List<String> row =
          new ArrayList<>(List.of(arm.name(), String.format(Locale.ROOT, "%.3f", signal(arm))));
      for (Shots task : Shots.values()) {
        for (String unit : List.of("steps", "tokens")) {
          row.add(survival(results, arm, unit, task).medianText());
        }
      }
      table.add(row);
    }
    report.heading("Median time to 90 %");
    report.table(
        List.of(
            "arm",
            "E[(1-t)^3]",
            "recall, steps",
            "recall, tokens",
            "induction, steps",
            "induction, tokens"),
        table);
    report.text("Tokens are predicted ones, in units of what U(0, 1) predicts in a step.");
    List<Series> fill = new ArrayList<>();
    for (Masking arm : ARMS) {
      if (!arm.causal()) {
        fill.add(results.series(arm.name(), arm.name(), "fill"));
      }
    }
    fill.add(Series.reference("values alone, all visible", 0, 1, FILL_VALUES));
    fill.add(Series.reference("best, all visible", 0, 1, FILL_BEST));
    fill.add(
        Series.reference(
            "ar, all of the left", 0, 1, results.of(Masking.AR.name(), "fill left").mean()));
    report.heading("Filling");
    report.chart(
        "fill",
        Chart.lines(
                "A value anywhere in the sequence, by what else is visible",
                "share of the other tokens visible",
                "share right",
                false,
                fill)
            .ofShares(),
        "The autoregressive model sees all that is on the left and nothing on the right.");
  }

  private static Survival survival(Results results, Masking arm, String unit, Shots task) {
    double[] times =
        results.bySeed(arm.name(), unit + " to learn " + task, "").values().stream()
            .mapToDouble(v -> v)
            .toArray();
    // The end of the observation is the last step at which U(0, 1) was read.
    double horizon = results.series("", LLADA.name(), task + " by step").points().getLast().x();
    return Survival.until(times, horizon);
  }

  private static Series reference(String name, IntToDoubleFunction share) {
    return Series.reference(
        name,
        IntStream.rangeClosed(0, Shots.MOST / 2)
            .mapToObj(i -> new Series.Point(2 * i, share.applyAsDouble(2 * i)))
            .toList());
  }
}
