package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import llada.format.Json;
import org.junit.jupiter.api.Test;

/** The other side of an evaluation harness. */
class ServeEvalTest {
  private static List<Json> serve(String requests, String... more) {
    List<String> args =
        new java.util.ArrayList<>(List.of("serve-eval", "--model", CliRun.model().toString()));
    args.addAll(List.of(more));
    CliRun run = CliRun.withInput(requests, args.toArray(String[]::new));
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    assertThat(run.err()).isEmpty();
    return run.out()
        .lines()
        .map(line -> Json.parse(line.getBytes(StandardCharsets.UTF_8), "answer"))
        .toList();
  }

  private static Json json(CliRun run) {
    return Json.parse(run.out().getBytes(StandardCharsets.UTF_8), "output");
  }

  @Test
  void answersAreThoseOfTheCommands() {
    List<Json> answers =
        serve(
            """
            {"id": 1, "method": "loglikelihood", "context": "Good morrow, ", "continuation": "my lord"}
            {"id": "g", "method": "generate_until", "context": "ROMEO:", "until": ["xyzzy"]}
            {"id": 3, "method": "generate_until", "context": "ROMEO:", "until": ["\\n", ""], "max_gen_toks": 5}
            {"id": 4, "method": "loglikelihood_rolling", "text": "My lord"}
            {"id": 5, "method": "info"}
            {"id": 6, "method": "apply_chat_template", "messages": [{"role": "user", "content": " Hi "}]}
            """,
            "--mc-num=16",
            "--gen-length=12");
    assertThat(answers.get(0).get("id").integer()).isEqualTo(1);
    Json score =
        json(
            CliRun.onModel(
                "score", "--json", "--mc-num=16", "--after", "Good morrow,", " my lord"));
    assertThat(answers.get(0).get("result").get("log_likelihood").number())
        .isEqualTo(score.get("log_likelihood").number());
    assertThat(answers.get(1).get("id").string()).isEqualTo("g");
    Json generated =
        json(CliRun.onModel("generate", "--json", "--gen-length=12", "--seed=1", "ROMEO:"));
    assertThat(answers.get(1).get("result").get("text").string())
        .isEqualTo(generated.get("text").string());
    assertThat(answers.get(2).get("result").get("text").string()).doesNotContain("\n");
    assertThat(answers.get(2).get("result").get("tokens").integer()).isEqualTo(5);
    Json whole = json(CliRun.onModel("score", "--json", "--mc-num=16", "My lord"));
    assertThat(answers.get(3).get("result").get("log_likelihood").number())
        .isEqualTo(whole.get("log_likelihood").number());
    assertThat(answers.get(4).get("result").get("max_length").integer()).isEqualTo(1024);
    assertThat(answers.get(5).get("result").string())
        .contains("<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>");
  }

  @Test
  void greedyContinuationsAreRecognised() {
    Json greedy =
        json(
            CliRun.onModel(
                "generate", "--json", "--gen-length=4", "--mode=published", "Good morrow, my"));
    String text = greedy.get("text").string().replace("\n", "\\n").replace("\"", "\\\"");
    List<Json> answers =
        serve(
            """
            {"id": 1, "method": "loglikelihood", "context": "Good morrow, my", "continuation": "%s"}
            {"id": 2, "method": "loglikelihood", "context": "Good morrow, my", "continuation": " zebra"}
            """
                .formatted(text),
            "--mc-num=2",
            "--check-greedy");
    assertThat(answers.get(0).get("result").get("is_greedy").bool()).isTrue();
    assertThat(answers.get(1).get("result").get("is_greedy").bool()).isFalse();
  }

  @Test
  void aWrongRequestIsAnsweredAndTheNextOneServed() {
    List<Json> answers =
        serve(
            """
            {"id": 1, "method": "nonsense"}
            not json
            {"id": 3, "method": "loglikelihood", "context": "a"}
            {"id": 4, "method": "loglikelihood", "context": "a", "continuation": ""}
            {"id": 5, "method": "loglikelihood", "context": "%s", "continuation": "x"}
            {"id": 6, "method": "generate_until", "context": "%s"}
            {"id": 7, "method": "info"}
            """
                .formatted("a ".repeat(2000), "a ".repeat(2000)),
            "--mc-num=1");
    assertThat(answers).hasSize(7);
    List<String> messages =
        List.of(
            "method is 'nonsense'; there are info",
            "request 2: not valid JSON",
            "continuation is missing",
            "continuation is empty",
            "the model takes at most 1024",
            "shorten the prompt");
    for (int i = 0; i < messages.size(); i++) {
      assertThat(answers.get(i).get("error").string()).contains(messages.get(i));
    }
    assertThat(answers.get(6).get("result").get("max_length").integer()).isEqualTo(1024);
  }
}
