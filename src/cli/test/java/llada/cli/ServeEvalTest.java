package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import llada.checkpoint.Checkpoint;
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
            {"id": 5, "method": "generate_until", "context": "a", "max_gen_toks": 0}
            {"id": 6, "method": "apply_chat_template", "messages": [], "add_generation_prompt": false}
            {"id": 7, "method": "info"}
            """,
            "--mc-num=1");
    assertThat(answers).hasSize(7);
    List<String> messages =
        List.of(
            "method is 'nonsense'; there are info",
            "request 2: not valid JSON",
            "continuation is missing",
            "continuation is empty",
            "max_gen_toks is 0",
            "there is no message to go on with");
    for (int i = 0; i < messages.size(); i++) {
      assertThat(answers.get(i).get("error").string()).contains(messages.get(i));
    }
    assertThat(answers.get(6).get("result").get("max_length").integer()).isEqualTo(1024);
  }

  /** As the harness's own backends: the beginning is left out, and that is said. */
  @Test
  void anOverLongContextLosesItsBeginning() {
    String words = "my lord ".repeat(1000);
    List<Json> answers =
        serve(
            """
            {"id": 1, "method": "loglikelihood", "context": "%s", "continuation": "ROMEO"}
            {"id": 2, "method": "generate_until", "context": "%s", "until": []}
            {"id": 3, "method": "loglikelihood", "context": "", "continuation": "%s"}
            {"id": 4, "method": "generate_until", "context": ""}
            """
                .formatted(words, words, words),
            "--mc-num=1",
            "--gen-length=8");
    long left = answers.get(0).get("result").get("left_out").integer();
    long tokens = answers.get(0).get("result").get("tokens").integer();
    long leftOfGeneration = answers.get(1).get("result").get("left_out").integer();
    assertThat(leftOfGeneration).isEqualTo(left - tokens + 8 + 1);
    String kept;
    try (Checkpoint checkpoint = Checkpoint.open(CliRun.model())) {
      int[] context = checkpoint.tokenizer().encode(words.strip());
      kept =
          checkpoint
              .tokenizer()
              .decode(Arrays.copyOfRange(context, (int) left, context.length), false);
    }
    Json same =
        serve(
                """
                {"method": "loglikelihood", "context": "%s ", "continuation": "ROMEO"}
                """
                    .formatted(kept),
                "--mc-num=1")
            .getFirst()
            .get("result");
    assertThat(same.get("left_out").isNull()).isTrue();
    assertThat(answers.get(0).get("result").get("log_likelihood").number())
        .isEqualTo(same.get("log_likelihood").number());
    assertThat(answers.get(2).get("result").get("log_likelihood").number()).isNegative();
    assertThat(answers.get(2).get("result").get("left_out").isNull()).isTrue();
    assertThat(answers.get(3).get("result").get("tokens").integer()).isEqualTo(8);
  }

  @Test
  void withoutAGenerationPromptTheLastMessageIsOpen() {
    List<Json> answers =
        serve(
            """
            {"method": "apply_chat_template", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " The answer is "}], "add_generation_prompt": false}
            {"method": "apply_chat_template", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}], "add_generation_prompt": true}
            """);
    assertThat(answers.get(0).get("result").string())
        .endsWith(
            """
            user<|end_header_id|>

            Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>

            The answer is""");
    assertThat(answers.get(1).get("result").string())
        .endsWith("Yes<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
  }
}
