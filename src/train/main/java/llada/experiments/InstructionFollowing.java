package llada.experiments;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import llada.backend.Backend;
import llada.diffusion.Objective;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.experiments.Dialogues.Pair;
import llada.experiments.Report.Agreement;
import llada.experiments.SmallModel.Recipe;
import llada.plot.Chart;
import llada.plot.Series;

/** Experiment 4: before and after fine-tuning on chats, with and without EOS as padding. */
final class InstructionFollowing implements Experiment {
  private static final String PADDED = "EOS padding";
  private static final String UNPADDED = "no padding";
  private static final String BEFORE = "before";
  private static final List<Integer> ROOMS = List.of(12, 16, 24);
  private static final String ROOM = "16";

  @Override
  public String name() {
    return "instructions";
  }

  @Override
  public String title() {
    return "Instruction following";
  }

  @Override
  public String claim() {
    return "Fine-tuning on pairs of prompt and answer, where only answers are masked, makes LLaDA"
        + " follow instructions, over several turns too. Shorter pairs are filled up with EOS that"
        + " count as answer, so that the model learns to end by itself (sec. 2.3, appendix B.1).";
  }

  private static SmallModel.Shape shape() {
    return new SmallModel.Shape(64, 2, 4);
  }

  private static Recipe pretraining(Size size) {
    return new Recipe(size.of(5, 1000, 6000), 16, 1e-3);
  }

  private static Recipe fineTuning(Size size) {
    return new Recipe(size.of(10, 6000, 20000), 32, 1e-3);
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put(
        "data", "demo corpus in words, chats of at most %d tokens".formatted(Dialogues.LENGTH));
    config.put("network", shape().toString());
    config.put("pre-training", pretraining(size).toString());
    config.put("fine-tuning", fineTuning(size).toString());
    return config;
  }

  @Override
  public List<Job> jobs(Size size, List<Long> seeds, Inputs inputs) {
    List<Job> jobs = new ArrayList<>();
    for (long seed : seeds) {
      for (String arm : List.of(PADDED, UNPADDED)) {
        jobs.add(
            new Job(
                arm,
                seed,
                (backend, rows) -> measure(size, arm.equals(PADDED), seed, backend, rows)));
      }
    }
    return jobs;
  }

  private static void measure(
      Size size, boolean padded, long seed, Backend backend, Job.Rows rows) {
    Dialogues dialogues = Dialogues.of(size, seed);
    try (SmallModel model =
        new SmallModel(
            shape(),
            dialogues.vocabulary(),
            Objective.LLADA,
            Dialogues.LENGTH + 24,
            32,
            seed,
            backend)) {
      model.train(pretraining(size), dialogues::texts);
      if (padded) { // the base model is the same for both arms
        asked(model, dialogues.questions(), BEFORE + " ", List.of(16), rows);
      }
      model.train(fineTuning(size), padded ? dialogues.padded() : dialogues.unpadded());
      asked(model, dialogues.questions(), "", ROOMS, rows);
      asked(model, dialogues.followUps(), "second turn ", List.of(16), rows);
    }
  }

  /** Greedy answers, a token a step, in rooms of different size. */
  private static void asked(
      SmallModel model, List<Pair> questions, String prefix, List<Integer> rooms, Job.Rows rows) {
    if (questions.isEmpty()) {
      throw new IllegalStateException("no question was held out");
    }
    for (int room : rooms) {
      double exact = 0;
      double ended = 0;
      double clean = 0;
      double words = 0;
      double expected = 0;
      Map<Integer, List<Pair>> byLength = new TreeMap<>();
      questions.forEach(
          q -> byLength.computeIfAbsent(q.prompt().length, _ -> new ArrayList<>()).add(q));
      for (List<Pair> group : byLength.values()) {
        int[][] prompts = group.stream().map(Pair::prompt).toArray(int[][]::new);
        int[][] answers =
            model.generate(
                prompts,
                SamplerOptions.defaults().toBuilder().lengths(room, room, room).build(),
                RandomSource.seeded(0));
        for (int b = 0; b < answers.length; b++) {
          int[] right = group.get(b).answer(); // with its END
          int end = end(answers[b]);
          boolean same =
              end == right.length - 1
                  && Arrays.equals(answers[b], 0, end, right, 0, right.length - 1);
          exact += same ? 1 : 0;
          ended += end < room ? 1 : 0;
          clean += end < room && onlyEos(answers[b], end + 1) ? 1 : 0;
          words += end;
          expected += right.length - 1;
        }
      }
      int n = questions.size();
      rows.add(prefix + "exact", room, exact / n);
      rows.add(prefix + "ended", room, ended / n);
      rows.add(prefix + "clean end", room, clean / n);
      rows.add(prefix + "words", room, words / n);
      rows.add(prefix + "words expected", room, expected / n);
    }
  }

  private static int end(int[] answer) {
    int end = 0;
    while (end < answer.length && !Dialogues.ends(answer[end])) {
      end++;
    }
    return end;
  }

  private static boolean onlyEos(int[] answer, int from) {
    return Arrays.stream(answer, Math.min(from, answer.length), answer.length)
        .allMatch(Dialogues::isEos);
  }

  @Override
  public void report(Results results, Report report) {
    Interval before = results.of(PADDED, BEFORE + " exact", ROOM);
    Interval after = results.of(PADDED, "exact", ROOM);
    report.finding(
        "fine-tuning makes it follow instructions",
        "exact answers to held-out questions %s before, %s after"
            .formatted(before.percent(), after.percent()),
        Agreement.of(before.below(after) && after.mean() > 0.3, before.mean() < after.mean()));
    Interval clean = results.of(PADDED, "clean end", "24");
    Interval cleanWithout = results.of(UNPADDED, "clean end", "24");
    Interval exact = results.of(PADDED, "exact", "24");
    Interval exactWithout = results.of(UNPADDED, "exact", "24");
    report.finding(
        "EOS padding teaches it to end by itself",
        "with room for 24 words: nothing but EOS after the end in %s with padding, %s without; exact answers %s and %s"
            .formatted(
                clean.percent(), cleanWithout.percent(), exact.percent(), exactWithout.percent()),
        Agreement.of(
            cleanWithout.below(clean) && exactWithout.mean() < exact.mean(),
            cleanWithout.mean() < clean.mean()));
    Interval second = results.of(PADDED, "second turn exact", ROOM);
    report.finding(
        "it follows over several turns",
        "exact answers in a second turn %s, in the first %s"
            .formatted(second.percent(), after.percent()),
        Agreement.of(
            second.mean() > 0.7 * after.mean() && after.mean() > 0.1, second.mean() > 0.1));
    report.heading("Exact answers by the room that is given");
    List<Series> series = new ArrayList<>();
    for (String arm : List.of(PADDED, UNPADDED)) {
      series.add(results.series(arm, arm, "exact"));
    }
    report.chart(
        "exact",
        Chart.lines(
                "Exact answers to questions never trained on",
                "room, tokens",
                "share",
                false,
                series)
            .ofShares(),
        "The answer is written in that many masks at once; whoever has not learnt to fill the rest"
            + " with EOS goes on.");
    report.heading("Length and end of answers");
    List<List<String>> table = new ArrayList<>();
    table.add(row(results, "base model", PADDED, BEFORE + " ", ROOM));
    for (String arm : List.of(PADDED, UNPADDED)) {
      for (int room : ROOMS) {
        table.add(row(results, arm, arm, "", Integer.toString(room)));
      }
      table.add(row(results, arm + ", second turn", arm, "second turn ", ROOM));
    }
    report.table(
        List.of(
            "arm", "room", "exact", "ends", "nothing but EOS behind", "words", "words expected"),
        table);
  }

  private static List<String> row(
      Results results, String name, String arm, String prefix, String room) {
    return List.of(
        name,
        room,
        results.of(arm, prefix + "exact", room).percent(),
        results.of(arm, prefix + "ended", room).percent(),
        results.of(arm, prefix + "clean end", room).percent(),
        results.of(arm, prefix + "words", room).toString(),
        results.of(arm, prefix + "words expected", room).toString());
  }
}
