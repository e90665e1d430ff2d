package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import llada.evaluation.Proportion;
import llada.format.Json;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Accuracies, end to end on the small model. */
class EvalTest {
  private static final String QUESTIONS =
      """
      {"id": "a", "question": "Who loves Juliet?", "choices": ["Romeo", "zqxj wkpf"], "answer": 0}
      {"id": "b", "question": "What is he?", "choices": ["qqq xyz vvk", "my lord"], "answer": 0}
      {"id": "c", "question": "Speak?", "choices": ["I will, sir", "kkk", "jjjzz"], "answer": "A"}
      """;

  @TempDir Path folder;

  private static Json json(String text) {
    return Json.parse(text.getBytes(StandardCharsets.UTF_8), "output");
  }

  private static CliRun eval(String... args) {
    CliRun run = CliRun.onModel("eval", args);
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    return run;
  }

  private Path questions() throws IOException {
    return Files.writeString(folder.resolve("q.jsonl"), QUESTIONS);
  }

  @Test
  void choicesByLikelihood() throws IOException {
    Path output = folder.resolve("r.jsonl");
    String[] args = {
      questions().toString(), "--mc-num=32", "--output=" + output, "--json", "--quiet"
    };
    Json summary = json(eval(args).out());
    List<String> lines = Files.readAllLines(output);
    assertThat(lines).hasSize(3);
    int right = 0;
    for (String line : lines) {
      Json item = json(line);
      List<Json> scores = item.get("log_likelihoods").list();
      int best = 0;
      for (int i = 1; i < scores.size(); i++) {
        best = scores.get(i).number() > scores.get(best).number() ? i : best;
      }
      assertThat(item.get("answer").integer()).isEqualTo(best);
      assertThat(item.get("right").get("accuracy").bool())
          .isEqualTo(best == item.get("gold").integer());
      right += item.get("right").get("accuracy").bool() ? 1 : 0;
    }
    Proportion share = new Proportion(right, 3);
    assertThat(right).as("nonsense is unlikely").isEqualTo(2);
    assertThat(summary.get("accuracy").get("value").number()).isEqualTo(share.value());
    assertThat(summary.get("accuracy").get("low").number()).isEqualTo(share.low());
    assertThat(summary.get("accuracy").get("high").number()).isEqualTo(share.high());
    assertThat(summary.get("style").string()).isEqualTo("choice");

    // The second question has the seed of item 1.
    CliRun score =
        CliRun.onModel(
            "score",
            "--json",
            "--mc-num=32",
            "--seed=" + RandomStreams.seed(1, Purpose.ITEM, 1),
            "--after",
            "Question: What is he?\nAnswer:",
            " my lord");
    assertThat(json(score.out()).get("log_likelihood").number())
        .isEqualTo(json(lines.get(1)).get("log_likelihoods").get(1).number());

    // Torn in its last line, the run goes on and comes to the same.
    Files.writeString(output, lines.get(0) + "\n" + lines.get(1).substring(0, 30));
    assertThat(json(eval(args).out()).get("accuracy").get("right").integer()).isEqualTo(2);
    assertThat(Files.readAllLines(output)).isEqualTo(lines);

    CliRun other =
        CliRun.onModel("eval", questions().toString(), "--mc-num=16", "--output=" + output);
    assertThat(other.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(other.err()).contains("was made with another model or other options");
  }

  @Test
  void answersByGenerationDoNotDependOnTheBatch() throws IOException {
    List<List<String>> answers = new ArrayList<>();
    for (String batch : List.of("1", "3")) {
      Path output = folder.resolve("r" + batch);
      CliRun run =
          eval(
              questions().toString(),
              "--by=gen",
              "--gen-length=8",
              "--temperature=0.7",
              "--batch-size=" + batch,
              "--output=" + output);
      assertThat(run.out()).startsWith("accuracy ").contains("of 3");
      answers.add(Files.readAllLines(output));
    }
    assertThat(answers.get(1)).isEqualTo(answers.get(0));
    assertThat(json(answers.get(0).get(0)).get("gold").string()).isEqualTo("A");
  }

  @Test
  void coupletsBothWays() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("poems.json"),
            "[{\"first\": \"窈窕淑女\", \"second\": \"君子好逑\"}, {\"first\": \"一\", \"second\": \"二\"}]");
    Path output = folder.resolve("r");
    Json summary =
        json(eval(file.toString(), "--output=" + output, "--json", "--batch-size=3").out());
    assertThat(summary.get("preset").string()).isEqualTo("reversal");
    assertThat(summary.get("options").get("gen_length").integer()).isEqualTo(28);
    assertThat(summary.get("options").get("logits_eos_inf").bool()).isTrue();
    assertThat(summary.get("options").get("chat").bool()).isTrue();
    assertThat(summary.get("forward").get("items").integer()).isEqualTo(2);
    assertThat(summary.get("reversal").get("items").integer()).isEqualTo(2);
    assertThat(Files.readAllLines(output)).hasSize(4).allMatch(line -> line.contains("\"gold\""));
  }

  @Test
  void presetsAreListedAndChangeable() throws IOException {
    CliRun list = CliRun.of("eval", "--presets");
    assertThat(list.out()).contains("instruct-gsm8k ", "--confidence-eos-eot-inf", "base-arc-c");
    Json summary =
        json(eval(questions().toString(), "--preset=base-mmlu", "--limit=1", "--json").out());
    assertThat(summary.get("options").get("mc_num").integer()).isEqualTo(1);
    assertThat(summary.get("accuracy").get("items").integer()).isEqualTo(1);
  }

  @Test
  void whatIsWrongIsOneLine() throws IOException {
    String file = questions().toString();
    assertFails(ExitCodes.USAGE, "FILE is missing");
    assertFails(ExitCodes.USAGE, "--by is 'x'", file, "--by=x");
    assertFails(ExitCodes.USAGE, "--style is 'x'", file, "--style=x");
    assertFails(ExitCodes.USAGE, "--preset is 'x'; there are base-generation", file, "--preset=x");
    assertFails(
        ExitCodes.USAGE,
        "--preset reversal is for --by gen",
        file,
        "--preset=reversal",
        "--by=ppl");
    assertFails(ExitCodes.USAGE, "--mc-num is 5", file, "--mc-num=5", "--mc-batch=2");
    assertFails(ExitCodes.USAGE, "--form is 'q'", file, "--form=q");
    assertFails(ExitCodes.BAD_FILE, "no such file", folder.resolve("none").toString());
    Path broken = Files.writeString(folder.resolve("x.jsonl"), "{\"question\": 1}\n{");
    assertFails(ExitCodes.BAD_FILE, "x.jsonl: line 2: not valid JSON", broken.toString());
    Files.writeString(broken, "{\"question\": 1}\n");
    assertFails(ExitCodes.BAD_FILE, "line 1: is neither a question", broken.toString());
    Files.writeString(broken, "");
    assertFails(ExitCodes.BAD_FILE, "holds no question", broken.toString());
    Files.writeString(broken, QUESTIONS + QUESTIONS);
    assertFails(ExitCodes.BAD_FILE, "the id a occurs twice", broken.toString(), "--mc-num=1");
    Files.writeString(broken, QUESTIONS.replace("Speak", "Speak ".repeat(900)));
    assertFails(ExitCodes.BAD_FILE, "item c has", broken.toString(), "--mc-num=1");
    eval(broken.toString(), "--mc-num=1", "--truncate");
  }

  private static void assertFails(int code, String message, String... args) {
    CliRun run = CliRun.onModel("eval", args);
    assertThat(run.code()).as(run.toString()).isEqualTo(code);
    assertThat(run.err().lines()).hasSize(1);
    assertThat(run.err()).contains(message);
  }
}
