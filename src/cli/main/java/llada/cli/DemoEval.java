package llada.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import llada.api.InfillOptions;
import llada.api.InfillTemplate;
import llada.api.Llada;
import llada.api.Request;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.evaluation.Proportion;
import llada.format.AtomicFile;
import llada.tokenizer.ChatTemplate.Message;
import llada.train.DemoRecipe;
import llada.train.demo.Examination;
import llada.train.demo.Lessons;
import llada.train.demo.Twin;

/** {@code eval --demo}: what the model that comes with LLaDA.java can, by subject. */
final class DemoEval {
  private static final int TOGETHER = 20; // questions that share passes

  private final Console console;
  private final int each;
  private final StringBuilder told = new StringBuilder();

  /**
   * An examination.
   *
   * @param each questions of a group, at most
   */
  DemoEval(Console console, int each) {
    this.console = console;
    this.each = each;
  }

  /**
   * Examines a model, and if a twin is given it too, and the model in other orders of unmasking.
   *
   * @param twin folder of the twin, or null
   * @param answers where every answer is written to, or null
   */
  void run(Llada llada, Path twin, Path answers) {
    Lessons lessons = DemoRecipe.lessons(1);
    Map<String, List<Examination.Item>> groups = Examination.items(lessons, each);
    Map<String, Examination.Respondent> columns = new LinkedHashMap<>();
    columns.put("fast", ways(llada, (request, _) -> request.fast()));
    if (twin == null) {
      table(groups, columns);
    } else {
      for (Remasking order :
          List.of(Remasking.LOW_CONFIDENCE, Remasking.MARGIN, Remasking.RANDOM)) {
        columns.put(
            order.name().toLowerCase(Locale.ROOT),
            ways(llada, (request, tokens) -> ordered(request, tokens, order)));
      }
      try (Twin other = new Twin(twin, llada.backend().kernels())) {
        columns.put("twin", other);
        table(groups, columns);
      }
    }
    infilling(llada, lessons);
    if (answers != null) {
      AtomicFile.write(answers, told.toString().getBytes(StandardCharsets.UTF_8));
    }
  }

  private static Request ordered(Request request, int tokens, Remasking order) {
    // A block of all tokens: the surest of them may stand anywhere.
    Request whole = request.exact().block(tokens);
    return whole.sampler(options -> options.remasking(order).stopAtEos(true));
  }

  private static Examination.Respondent ways(
      Llada llada, BiFunction<Request, Integer, Request> how) {
    return (conversations, tokens) -> {
      List<String> answers = new ArrayList<>();
      for (int from = 0; from < conversations.size(); from += TOGETHER) {
        List<Request> requests = new ArrayList<>();
        int to = Math.min(conversations.size(), from + TOGETHER);
        for (List<Message> conversation : conversations.subList(from, to)) {
          requests.add(how.apply(Request.of(conversation).length(tokens), tokens));
        }
        llada.generate(requests).forEach(answer -> answers.add(answer.text()));
      }
      return answers;
    };
  }

  private void table(
      Map<String, List<Examination.Item>> groups, Map<String, Examination.Respondent> columns) {
    int[] fastOnly = new int[2]; // answers that only one of the first two columns has right
    int paired = 0;
    for (Map.Entry<String, List<Examination.Item>> group : groups.entrySet()) {
      StringBuilder line = new StringBuilder();
      List<List<Examination.Marked>> all = new ArrayList<>();
      for (Map.Entry<String, Examination.Respondent> column : columns.entrySet()) {
        List<Examination.Marked> marked = Examination.ask(group.getValue(), column.getValue());
        all.add(marked);
        marked.forEach(one -> tell(column.getKey(), one));
        long right = marked.stream().filter(Examination.Marked::right).count();
        line.append(share(column.getKey(), new Proportion(right, marked.size()), all.size() == 1));
      }
      console.out().printf("%-26s %5d%s%n", group.getKey(), group.getValue().size(), line);
      console.flush();
      for (int i = 0; all.size() > 1 && i < all.getFirst().size(); i++) {
        boolean fast = all.get(0).get(i).right();
        boolean exact = all.get(1).get(i).right();
        fastOnly[0] += fast && !exact ? 1 : 0;
        fastOnly[1] += exact && !fast ? 1 : 0;
        paired++;
      }
    }
    if (paired > 0) {
      console
          .out()
          .printf(
              Locale.ROOT,
              "fast against low_confidence, %d questions: right by fast alone %d, by the other"
                  + " alone %d; %+.2f points%n",
              paired,
              fastOnly[0],
              fastOnly[1],
              100.0 * (fastOnly[0] - fastOnly[1]) / paired);
    }
  }

  private static String share(String column, Proportion share, boolean interval) {
    String text = String.format(Locale.ROOT, "  %s %5.1f %%", column, 100 * share.value());
    return interval
        ? text
            + String.format(Locale.ROOT, " (%.1f to %.1f)", 100 * share.low(), 100 * share.high())
        : text;
  }

  private void tell(String column, Examination.Marked one) {
    told.append(
        "%s, %s, %s%n  asked: %s%n  said:  %s%n  right: %s%n"
            .formatted(
                one.item().group(),
                column,
                one.right() ? "right" : "wrong",
                String.join(" / ", one.item().asked()),
                one.answer(),
                String.join(" / ", one.item().accept())));
  }

  /** Fills gaps in the middle of stories. */
  private void infilling(Llada llada, Lessons lessons) {
    SamplerOptions never = SamplerOptions.defaults().toBuilder().logitsEosInf(true).build();
    int right = 0;
    List<Examination.Gap> gaps = Examination.gaps(lessons, each);
    for (Examination.Gap gap : gaps) {
      int tokens = llada.tokenize(gap.missing()).length;
      InfillTemplate template =
          InfillTemplate.parse("%s{%d}%s".formatted(gap.before(), tokens, gap.behind()), true);
      InfillOptions options = new InfillOptions(never, null, InfillOptions.SCORING, tokens, 0);
      String fill = llada.text(llada.infill(template, options).fills().getFirst());
      right += gap.wellFormed(fill) ? 1 : 0;
      told.append("infilling: %s [%s]%s%n".formatted(gap.before(), fill, gap.behind()));
    }
    Proportion share = new Proportion(right, gaps.size());
    console.out().printf("%-26s %5d%s%n", "infilling", gaps.size(), share("", share, true));
    console.flush();
  }
}
