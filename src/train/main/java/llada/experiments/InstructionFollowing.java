package llada.experiments;

import static llada.experiments.Claim.Rule.notInferior;
import static llada.experiments.Claim.Rule.superior;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import llada.backend.Backend;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.evaluation.Proportion;
import llada.experiments.Claim.Term;
import llada.experiments.Dialogues.Pair;
import llada.experiments.SmallModel.Recipe;
import llada.plot.Chart;
import llada.plot.Series;
import llada.train.demo.Subject;

/** Experiment 4: before and after fine-tuning on chats, with and without what comes before it. */
final class InstructionFollowing implements Experiment {
  private static final String PADDED = "EOS padding";
  private static final String UNPADDED = "no padding";
  private static final String FRESH = "no pre-training";
  private static final List<Integer> ROOMS = List.of(12, 16, 24);
  private static final int ROOM = 16;
  private static final String TRUE = "true length";
  private static final String BASE = "pre-training"; // whose rate is tuned for itself
  private static final int WORDS = 0; // room for the right answer's words
  private static final int WHOLE = -1; // and for the END and the EOS that follow in training

  /** Subjects of which some new answers are those of other questions, and some are not. */
  private static final Set<Subject> MIXED = EnumSet.of(Subject.COMPARING, Subject.READING);

  @Override
  public String name() {
    return "instructions";
  }

  @Override
  public String title() {
    return "Instruction following";
  }

  @Override
  public String question() {
    return "Fine-tuning on pairs of prompt and answer, where only answers are masked, makes LLaDA"
        + " follow instructions; shorter pairs are filled up with EOS that count as answer, so that it"
        + " learns to end (sec. 2.3, appendix B.1). What of that is fine-tuning's, what is"
        + " pre-training's, and what only the answer's length told by its room?";
  }

  @Override
  public String setUp() {
    return "A network learns texts of the bundled model's lessons and then their chats, with EOS as"
        + " padding and without, or the chats alone. The base model is asked in the chat's form and in that of its"
        + " texts. Questions were never trained on; answers that were, as those of other questions, are"
        + " counted for themselves, and so are rooms of the answer's true length.";
  }

  @Override
  public String limits() {
    return "Questions are of few kinds and worded alike; an exact answer to a question not seen is no"
        + " following of instructions not seen. There are seven times as many chats as texts of chats,"
        + " so what pre-training adds is little by construction, and the base model has seen fewer"
        + " questions than the tuned one. The base model's form is that of its texts' questions,"
        + " whose answers end in no mark of their own.";
  }

  private static SmallModel.Shape shape() {
    return new SmallModel.Shape(64, 2, 4);
  }

  private static Recipe pretraining(Size size, double rate) {
    return new Recipe(size.of(5, 10_000, 30_000), 16, rate);
  }

  private static Recipe fineTuning(Size size, double rate) {
    return new Recipe(size.of(10, 6000, 20_000), 32, rate);
  }

  @Override
  public List<Claim> claims(Size size) {
    return List.of(
        new Claim(
            "fine-tuning teaches more than the base model shows in the form of its texts",
            "the base model answers some, the tuned one more",
            superior(Term.of(PADDED, "exact", ROOM), Term.of(PADDED, "base raw", TRUE))),
        new Claim(
            "pre-training helps",
            "a little, since the chats hold the same facts",
            superior(Term.of(PADDED, "exact", ROOM), Term.of(FRESH, "exact", ROOM))),
        new Claim(
            "EOS as padding gives exact answers where there is room to spare",
            "47 % against 3 % with room for 24",
            superior(Term.of(PADDED, "exact", 24), Term.of(UNPADDED, "exact", 24))),
        new Claim(
            "and nothing else: told the true length, the unpadded arm answers as well",
            "within 5 points",
            notInferior(Term.of(UNPADDED, "exact", TRUE), Term.of(PADDED, "exact", TRUE), 0.05)),
        new Claim(
            "without padding it ends too",
            "as often, though not in EOS behind the end",
            notInferior(Term.of(UNPADDED, "ended", 24), Term.of(PADDED, "ended", 24), 0.05)),
        new Claim(
            "it follows in a second turn as in the first",
            "within 5 points",
            notInferior(
                Term.of(PADDED, "second turn exact", ROOM),
                Term.of(PADDED, "first turn exact", ROOM),
                0.05)));
  }

  @Override
  public Map<String, String> config(Size size, Inputs inputs) {
    Map<String, String> config = new LinkedHashMap<>();
    config.put(
        "data",
        "lessons of the bundled model in words, chats of at most %d tokens"
            .formatted(Dialogues.LENGTH));
    config.putAll(Dialogues.config(size));
    config.put("rooms", ROOMS.toString());
    config.put("network", shape().toString());
    config.put("pre-training", pretraining(size, 0).toString());
    config.put("fine-tuning", fineTuning(size, 0).toString());
    return config;
  }

  @Override
  public Map<String, Tuning.Trial> trials(Size size, Inputs inputs) {
    Map<String, Tuning.Trial> trials = new LinkedHashMap<>();
    trials.put(
        BASE,
        (rate, seed, backend) -> {
          Dialogues dialogues = Dialogues.of(size, seed);
          try (SmallModel model = model(dialogues, seed, backend)) {
            return model.train(pretraining(size, 0).trial(rate), dialogues::texts);
          }
        });
    for (String arm : List.of(PADDED, UNPADDED)) { // from fresh weights
      trials.put(
          arm,
          (rate, seed, backend) -> {
            Dialogues dialogues = Dialogues.of(size, seed);
            try (SmallModel model = model(dialogues, seed, backend)) {
              return model.train(fineTuning(size, 0).trial(rate), chats(dialogues, arm));
            }
          });
    }
    return trials;
  }

  private static SmallModel.Source chats(Dialogues dialogues, String arm) {
    return arm.equals(UNPADDED) ? dialogues.unpadded() : dialogues.padded();
  }

  private static SmallModel model(Dialogues dialogues, long seed, Backend backend) {
    return new SmallModel(
        shape(), dialogues.vocabulary(), Masking.LLADA, Dialogues.LENGTH + 24, 32, seed, backend);
  }

  @Override
  public List<Job> jobs(Setup setup) {
    List<Job> jobs = new ArrayList<>();
    for (long seed : setup.seeds()) {
      for (String arm : List.of(PADDED, UNPADDED, FRESH)) {
        double rate = setup.rate(arm.equals(UNPADDED) ? UNPADDED : PADDED);
        jobs.add(
            new Job(
                arm,
                seed,
                (backend, rows) -> {
                  Dialogues dialogues = Dialogues.of(setup.size(), seed);
                  try (SmallModel model = model(dialogues, seed, backend)) {
                    if (!arm.equals(FRESH)) {
                      model.train(pretraining(setup.size(), setup.rate(BASE)), dialogues::texts);
                    }
                    measure(setup.size(), model, dialogues, arm, rate, rows);
                  }
                }));
      }
    }
    return jobs;
  }

  private static void measure(
      Size size, SmallModel model, Dialogues dialogues, String arm, double rate, Job.Rows rows) {
    List<Pair> questions = dialogues.questions();
    if (arm.equals(PADDED)) { // the base model is the same with and without padding
      rows.add("base chat", TRUE, asked(model, questions, Pair::prompt, WORDS).exact);
      rows.add("base raw", TRUE, asked(model, questions, Pair::raw, WORDS).exact);
      rows.add("commonest answer", "", dialogues.commonest());
    }
    model.train(fineTuning(size, rate), chats(dialogues, arm));
    for (int room : ROOMS) {
      Answers answers = asked(model, questions, Pair::prompt, room);
      rows.add("exact", room, answers.exact);
      rows.add("ended", room, answers.ended);
      rows.add("clean end", room, answers.clean);
      long fit = questions.stream().filter(q -> q.answer().length - 1 <= room).count();
      rows.add("ceiling", room, new Proportion(fit, questions.size()));
    }
    rows.add("exact", TRUE, asked(model, questions, Pair::prompt, WHOLE).exact);
    rows.add("first turn exact", ROOM, asked(model, dialogues.firsts(), Pair::prompt, ROOM).exact);
    rows.add(
        "second turn exact", ROOM, asked(model, dialogues.followUps(), Pair::prompt, ROOM).exact);
    List<Pair> mixed =
        questions.stream()
            .filter(q -> MIXED.contains(q.subject()) && q.answer().length <= ROOM)
            .toList();
    by(model, mixed, q -> dialogues.trained(q) ? "trained" : "new", "exact by answer", rows);
    by(model, questions, q -> q.subject().toString(), "exact by subject", rows);
  }

  private static void by(
      SmallModel model,
      List<Pair> questions,
      Function<Pair, String> group,
      String measure,
      Job.Rows rows) {
    questions.stream()
        .collect(Collectors.groupingBy(group, TreeMap::new, Collectors.toList()))
        .forEach((x, some) -> rows.add(measure, x, asked(model, some, Pair::prompt, ROOM).exact));
  }

  /**
   * How questions were answered.
   *
   * @param exact with the right words
   * @param ended before the room was full
   * @param clean with nothing but EOS behind the end
   */
  private record Answers(Proportion exact, Proportion ended, Proportion clean) {}

  /**
   * Greedy answers, a token a step.
   *
   * @param form of the question
   * @param room tokens for the answer, or one of {@link #WORDS}, {@link #WHOLE}
   */
  private static Answers asked(
      SmallModel model, List<Pair> questions, Function<Pair, int[]> form, int room) {
    int exact = 0;
    int ended = 0;
    int clean = 0;
    Map<List<Integer>, List<Pair>> groups =
        questions.stream()
            .collect(
                Collectors.groupingBy(
                    q ->
                        List.of(
                            form.apply(q).length,
                            room > 0 ? room : q.answer().length + (room == WHOLE ? 1 : -1))));
    for (Map.Entry<List<Integer>, List<Pair>> group : groups.entrySet()) {
      int length = group.getKey().getLast();
      int[][] prompts = group.getValue().stream().map(form).toArray(int[][]::new);
      int[][] answers =
          model.generate(
              prompts,
              SamplerOptions.defaults().toBuilder().lengths(length, length, length).build(),
              RandomSource.seeded(0));
      for (int b = 0; b < answers.length; b++) {
        int[] right = group.getValue().get(b).answer(); // with its END
        int end = end(answers[b]);
        exact +=
            end == right.length - 1 && Arrays.equals(answers[b], 0, end, right, 0, end) ? 1 : 0;
        ended += end < length ? 1 : 0;
        clean += end < length && onlyEos(answers[b], end + 1) ? 1 : 0;
      }
    }
    int n = questions.size();
    return new Answers(
        new Proportion(exact, n), new Proportion(ended, n), new Proportion(clean, n));
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
    report.heading("Length and end of answers");
    List<Series> series = new ArrayList<>();
    List<List<String>> table = new ArrayList<>();
    for (String arm : List.of(PADDED, UNPADDED, FRESH)) {
      List<Series.Point> points = new ArrayList<>();
      for (int room : ROOMS) {
        String x = Integer.toString(room);
        points.add(Results.point(room, results.of(arm, "exact", x)));
        table.add(
            List.of(
                arm,
                x,
                results.of(arm, "exact", x).percent(),
                results.of(arm, "ended", x).percent(),
                results.of(arm, "clean end", x).percent()));
      }
      table.add(List.of(arm, TRUE, results.of(arm, "exact", TRUE).percent(), "", ""));
      series.add(Series.line(arm, points));
    }
    double last = ROOMS.getLast();
    for (String form : List.of("base raw", "base chat")) {
      series.add(
          Series.reference(form, ROOMS.getFirst(), last, results.of(PADDED, form, TRUE).mean()));
    }
    series.add(
        Series.reference(
            "told the length", ROOMS.getFirst(), last, results.of(PADDED, "exact", TRUE).mean()));
    series.add(
        Series.reference(
            "I do not know that.",
            ROOMS.getFirst(),
            last,
            results.of(PADDED, "commonest answer").mean()));
    series.add(
        Series.reference(
            "answers that fit",
            ROOMS.stream()
                .map(
                    room ->
                        new Series.Point(
                            room, results.of(PADDED, "ceiling", Integer.toString(room)).mean()))
                .toList()));
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
            + " with EOS goes on. Dashed: the base model in both forms, whose marks of the chat were"
            + " never trained; the tuned one told the true length; the commonest answer given to all;"
            + " and what room there is.");
    report.table(List.of("arm", "room", "exact", "ends", "nothing but EOS behind"), table);
    for (String by : List.of("exact by answer", "exact by subject")) {
      List<List<String>> rows = new ArrayList<>();
      for (String x : results.conditions(PADDED, by)) {
        rows.add(
            List.of(
                x,
                results.bySeed(PADDED, by + Results.TRIALS, x).values().toString(),
                results.of(PADDED, by, x).percent(),
                results.of(FRESH, by, x).percent()));
      }
      report.heading(by);
      if (by.equals("exact by answer")) {
        report.text(
            "Of comparisons and of questions about a sentence, where both kinds occur: answers that"
                + " were trained on, as those of other questions, and answers that were not. They are"
                + " few, and decide nothing.");
      }
      report.table(List.of("", "questions by seed", PADDED, FRESH), rows);
    }
  }
}
