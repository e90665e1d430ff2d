package llada.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import llada.api.RequestException;
import llada.format.FormatException;
import llada.format.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The loop over items and the plan of an evaluation, without a model. */
final class ItemLoopTest {
  /** Items 0 to 4; the even ones are right. */
  private static final class Numbers implements ItemTask {
    private final List<Integer> worked = new ArrayList<>();

    @Override
    public int size() {
      return 5;
    }

    @Override
    public String id(int item) {
      return "n" + item;
    }

    @Override
    public List<Result> work(List<Integer> items) {
      worked.addAll(items);
      return items.stream()
          .map(
              item ->
                  new Result(
                      json -> json.writeNumberField("number", item), Map.of("even", item % 2 == 0)))
          .toList();
    }
  }

  /** Writes down what it hears. */
  private static final class Heard implements ItemLoop.Listener {
    private final List<String> all = new ArrayList<>();

    @Override
    public void begins(int done, int size) {
      all.add("begins %d/%d".formatted(done, size));
    }

    @Override
    public void result(String json) {
      all.add(json);
    }

    @Override
    public void progress(ItemLoop.Progress progress) {
      assertThat(progress.secondsLeft()).isNotNegative();
      Proportion even = progress.shares().get("even");
      all.add(
          "%d/%d, %d of %d even"
              .formatted(progress.done(), progress.size(), even.successes(), even.trials()));
    }
  }

  @Test
  void theListenerGetsResultsInOrder() {
    Heard heard = new Heard();
    Map<String, Proportion> shares = ItemLoop.run(new Numbers(), 3, heard);
    assertThat(shares).isEqualTo(Map.of("even", new Proportion(3, 5)));
    assertThat(heard.all)
        .containsExactly(
            "begins 0/5",
            "{\"id\":\"n0\",\"number\":0,\"right\":{\"even\":true}}",
            "{\"id\":\"n1\",\"number\":1,\"right\":{\"even\":false}}",
            "{\"id\":\"n2\",\"number\":2,\"right\":{\"even\":true}}",
            "3/5, 2 of 3 even",
            "{\"id\":\"n3\",\"number\":3,\"right\":{\"even\":false}}",
            "{\"id\":\"n4\",\"number\":4,\"right\":{\"even\":true}}",
            "5/5, 3 of 5 even");
  }

  @Test
  void whatIsInTheFileIsPassedOver(@TempDir Path folder) {
    Path file = folder.resolve("results.jsonl");
    try (ResultsFile results = ResultsFile.open(file, "s")) {
      results.add(
          "n1", "{\"id\":\"n1\",\"number\":1,\"right\":{\"even\":false},\"settings\":\"s\"}");
    }
    Numbers task = new Numbers();
    Heard heard = new Heard();
    ItemLoop.Share all = new ItemLoop.Share(0, 1, () -> {});
    assertThat(ItemLoop.run(task, file, "s", 2, all, heard))
        .isEqualTo(Map.of("even", new Proportion(3, 5)));
    assertThat(task.worked).containsExactly(0, 2, 3, 4);
    assertThat(heard.all).containsExactly("begins 1/5", "3/5, 2 of 3 even", "5/5, 3 of 5 even");
    Heard again = new Heard();
    assertThat(ItemLoop.run(new Numbers(), file, "s", 2, all, again))
        .isEqualTo(Map.of("even", new Proportion(3, 5)));
    assertThat(again.all).containsExactly("begins 5/5");
  }

  @Test
  void aPlanSaysWhatDoesNotGoTogetherWithoutOptions() {
    Json arc = json("{\"question\":\"?\",\"choices\":[\"a\",\"b\"],\"answer\":0}");
    Optional<String> none = Optional.empty();
    EvalPlan plan = EvalPlan.of(arc, none, none, Optional.of("base-mmlu"));
    assertThat(plan.byLikelihood()).isTrue();
    assertThat(plan.preset()).isEqualTo(Preset.BASE_MMLU);
    assertThatThrownBy(() -> EvalPlan.of(arc, Optional.of("x"), none, none))
        .isInstanceOf(RequestException.class)
        .hasMessageStartingWith("style is 'x'; it must be one of arc");
    assertThatThrownBy(() -> EvalPlan.of(arc, none, Optional.of("gen"), Optional.of("base-mmlu")))
        .isInstanceOf(RequestException.class)
        .hasMessage("preset base-mmlu is for ppl");
    assertThatThrownBy(() -> EvalPlan.of(json("{}"), none, none, none))
        .isInstanceOf(FormatException.class)
        .hasMessageEndingWith("give its style");
  }

  private static Json json(String text) {
    return Json.parse(text.getBytes(StandardCharsets.UTF_8), "line 1");
  }
}
