package llada.experiments;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import llada.backend.Backend;
import llada.diffusion.Objective;
import llada.experiments.Report.Agreement;
import llada.plot.Chart;
import llada.plot.Series;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/** Experiment 7: four sizes at equal compute, for LLaDA and the autoregressive model. */
final class Scaling implements Experiment {
  private static final List<Objective> ARMS = List.of(Objective.LLADA, Objective.AR);
  private static final int BATCH = 32;
  private static final int LARGEST = 64;

  @Override
  public String name() {
    return "scaling";
  }

  @Override
  public String title() {
    return "Scaling";
  }

  @Override
  public String claim() {
    return "LLaDA scales as well as an autoregressive model on the same data: from 1e20 to 1e23"
        + " operations its task scores keep up with or overtake it (fig. 3). In likelihood, masked"
        + " diffusion needs some 16 times the compute for the same value, at the same slope (SMDM,"
        + " by the same group).";
  }

  private static SmallModel.Shape shape(int dim) {
    return new SmallModel.Shape(dim, 2, dim / 8);
  }

  private static List<Integer> dims(Size size) {
    return size == Size.TINY ? List.of(16, LARGEST) : List.of(16, 24, 40, LARGEST);
  }

  /** Steps of the largest network; smaller ones get more, so that weights x tokens is the same. */
  private static List<Integer> budgets(Size size) {
    return switch (size) {
      case TINY -> List.of(1, 2);
      case SMALL -> List.of(100, 400, 800);
      case LARGE -> List.of(100, 300, 1000, 3000);
    };
  }

  /** Weights that a token passes in the blocks. */
  private static long weights(int dim) {
    return 2L * (4L * dim * dim + 3L * dim * shape(dim).feedForward());
  }

  private static int steps(int budget, int dim) {
    return (int) Math.round((double) budget * weights(LARGEST) / weights(dim));
  }

  /** 6 N D: operations of training. */
  private static double operations(int budget) {
    return 6.0 * weights(LARGEST) * budget * BATCH * Fables.LENGTH;
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("data", "generated stories of 23 words, fresh in each step");
    config.put("widths", dims(size).toString());
    config.put("steps of the widest", budgets(size).toString());
    config.put("batch", Integer.toString(BATCH));
    config.put("learning rate", "3e-3");
    return config;
  }

  @Override
  public List<Job> jobs(Size size, List<Long> seeds, Inputs inputs) {
    List<Job> jobs = new ArrayList<>();
    for (long seed : seeds) {
      for (Objective objective : ARMS) {
        for (int budget : budgets(size)) {
          for (int dim : dims(size)) {
            jobs.add(
                new Job(
                    arm(objective, budget, dim),
                    seed,
                    (backend, rows) -> measure(size, objective, budget, dim, seed, backend, rows)));
          }
        }
      }
    }
    return jobs;
  }

  private static String arm(Objective objective, int budget, int dim) {
    return "%s budget %d width %d".formatted(objective, budget, dim);
  }

  private static void measure(
      Size size,
      Objective objective,
      int budget,
      int dim,
      long seed,
      Backend backend,
      Job.Rows rows) {
    try (SmallModel model =
        new SmallModel(
            shape(dim), Fables.VOCABULARY, objective, Fables.LENGTH, 64, seed, backend)) {
      model.train(new SmallModel.Recipe(steps(budget, dim), BATCH, 3e-3), Fables::batch);
      int[][] heldOut =
          Fables.stories(size.of(16, 256, 1024), RandomStreams.of(0, Purpose.EXPERIMENT_HELD_OUT));
      rows.add("nats", Measures.nats(model, heldOut, 1, 16, 7));
      rows.add("task", task(model, heldOut));
    }
  }

  /** What sound the animal of the story makes, given the story up to there and no more. */
  private static double task(SmallModel model, int[][] stories) {
    int[][] x = new int[stories.length][];
    int[][] asked = new int[stories.length][1];
    for (int b = 0; b < x.length; b++) {
      int at = Fables.soundAt(stories[b]);
      x[b] = stories[b].clone();
      Arrays.fill(x[b], at, x[b].length, model.mask());
      asked[b][0] = model.objective() == Objective.AR ? at - 1 : at;
    }
    double[][][] log = model.logProbabilities(x, asked);
    double right = 0;
    for (int b = 0; b < x.length; b++) {
      right += Measures.best(log[b][0]) == stories[b][Fables.soundAt(stories[b])] ? 1 : 0;
    }
    return right / x.length;
  }

  /** The numbers behind a word in the names of the arms. */
  private static List<Integer> numbers(Results results, String word) {
    return results.arms("nats").stream()
        .map(arm -> Integer.parseInt(arm.replaceAll(".* " + word + " (\\d+).*", "$1")))
        .distinct()
        .sorted()
        .toList();
  }

  private static Series byWidth(Results results, Objective arm, int budget, String measure) {
    return Series.line(
        String.format(Locale.ROOT, "%s, %.0e", arm, operations(budget)),
        numbers(results, "width").stream()
            .map(dim -> Results.point(dim, results.of(arm(arm, budget, dim), measure)))
            .toList());
  }

  /** The width with the lowest nats at a budget. */
  private static String best(Results results, Objective arm, int budget) {
    return numbers(results, "width").stream()
        .map(dim -> arm(arm, budget, dim))
        .min(Comparator.comparingDouble(name -> results.of(name, "nats").mean()))
        .orElseThrow();
  }

  @Override
  public void report(Results results, Report report) {
    List<Integer> budgets = numbers(results, "budget");
    int last = budgets.getLast();
    int first = budgets.getFirst();
    String bestLlada = best(results, Objective.LLADA, last);
    String bestAr = best(results, Objective.AR, last);
    Interval llada = results.of(bestLlada, "nats");
    Interval lladaFirst = results.of(best(results, Objective.LLADA, first), "nats");
    Interval ar = results.of(bestAr, "nats");
    Interval arFirst = results.of(best(results, Objective.AR, first), "nats");
    report.finding(
        "LLaDA gets better with compute, as the autoregressive model does",
        "best width: %s to %s nats a word with %d times the compute; autoregressive %s to %s"
            .formatted(lladaFirst, llada, last / first, arFirst, ar),
        Agreement.of(
            llada.below(lladaFirst) && ar.below(arFirst), llada.mean() < lladaFirst.mean()));
    report.finding(
        "in likelihood the autoregressive model is ahead at equal compute (SMDM: 16 times)",
        "%s against %s nats a word at the largest budget; LLaDA there against the autoregressive model at %d times less: %s"
            .formatted(llada, ar, last / first, arFirst),
        Agreement.of(ar.below(llada), ar.mean() < llada.mean()));
    Interval task = results.of(bestLlada, "task");
    Interval taskAr = results.of(bestAr, "task");
    report.finding(
        "in the task LLaDA keeps up",
        "%s right against %s at the largest budget".formatted(task.percent(), taskAr.percent()),
        Agreement.of(
            task.mean() > taskAr.mean() - 0.05 || !task.below(taskAr),
            task.mean() > 0.5 * taskAr.mean()));
    for (String measure : List.of("nats", "task")) {
      List<Series> series = new ArrayList<>();
      for (Objective arm : ARMS) {
        for (int budget : budgets) {
          series.add(byWidth(results, arm, budget, measure));
        }
      }
      boolean nats = measure.equals("nats");
      report.heading(nats ? "Bound and likelihood" : "Task");
      Chart chart =
          Chart.lines(
              nats
                  ? "Held-out nats a word by width, each line at equal compute"
                  : "Animals' sounds known, by width, each line at equal compute",
              "channels",
              nats ? "nats" : "share right",
              true,
              series);
      report.chart(
          measure,
          nats ? chart : chart.ofShares(),
          nats
              ? "6 N D operations in the legend. For LLaDA an upper bound (eq. 14), for the"
                  + " autoregressive model the likelihood itself."
              : "The story is given up to the sound; what comes behind is hidden from both.");
    }
    List<List<String>> table = new ArrayList<>();
    for (Objective arm : ARMS) {
      for (int budget : budgets) {
        for (int dim : numbers(results, "width")) {
          String name = arm(arm, budget, dim);
          table.add(
              List.of(
                  arm.toString(),
                  String.format(Locale.ROOT, "%.1e", operations(budget)),
                  Integer.toString(dim),
                  Integer.toString(steps(budget, dim)),
                  results.of(name, "nats").toString(),
                  results.of(name, "task").percent()));
        }
      }
    }
    report.table(List.of("arm", "operations", "channels", "steps", "nats a word", "task"), table);
  }
}
