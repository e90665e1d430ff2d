package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import llada.format.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Prompts from a file of JSON lines. */
class GenerateBatchTest {
  private static final String PROMPTS =
      """
      {"prompt": "ROMEO:"}
      {"id": "k", "prompt": "KING HENRY:\\nMy good lord, I will not "}

      {"id": 7, "prompt": "Hark!"}
      {"prompt": "O, speak again, bright angel! for thou art"}
      {"prompt": ""}
      """;

  @TempDir Path folder;

  private static Json json(String text) {
    return Json.parse(text.getBytes(StandardCharsets.UTF_8), "output");
  }

  private Path prompts() throws IOException {
    return Files.writeString(folder.resolve("p.jsonl"), PROMPTS);
  }

  private static CliRun generate(Path input, String... more) {
    List<String> args =
        new ArrayList<>(List.of("--input=" + input, "--gen-length=12", "--steps=6", "--quiet"));
    args.addAll(List.of(more));
    return CliRun.onModel("generate", args.toArray(String[]::new));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--temperature=0",
        "--temperature=0.9",
        "--remasking=random",
        "--cfg-scale=0.5",
        "--block-length=4",
        "--cache=dual=2",
        "--fast"
      })
  void noAnswerDependsOnItsBatch(String option) throws IOException {
    List<String> one = generate(prompts(), option).out().lines().toList();
    assertThat(one).hasSize(5);
    assertThat(generate(prompts(), option, "--batch-size=4").out().lines()).isEqualTo(one);
    assertThat(generate(prompts(), option, "--batch-size=3").out().lines()).isEqualTo(one);
    assertThat(one.stream().map(line -> json(line).get("id").string()))
        .containsExactly("1", "k", "7", "4", "5");
    // The second prompt, alone, with its seed.
    CliRun alone =
        CliRun.onModel(
            "generate",
            "--gen-length=12",
            "--steps=6",
            "--quiet",
            "--seed=" + json(one.get(1)).get("seed").integer(),
            "--json",
            option,
            "KING HENRY:\nMy good lord, I will not ");
    assertThat(json(alone.out()).get("ids").value()).isEqualTo(json(one.get(1)).get("ids").value());
  }

  @Test
  void anEmptyPromptIsAnsweredToo() throws IOException {
    Path input = Files.writeString(folder.resolve("e.jsonl"), PROMPTS + "{\"prompt\": \"\"}\n");
    List<String> one = generate(input, "--remasking=random").out().lines().toList();
    assertThat(json(one.get(4)).get("prompt_tokens").integer()).isZero();
    assertThat(json(one.get(4)).get("ids").size()).isEqualTo(12);
    // Which mask is revealed is drawn here, so ties decide nothing.
    assertThat(generate(input, "--remasking=random", "--batch-size=5").out().lines())
        .isEqualTo(one);
  }

  @Test
  void aTornFileIsMended() throws IOException {
    Path output = folder.resolve("a.jsonl");
    assertThat(generate(prompts(), "--output=" + output).code()).isEqualTo(ExitCodes.OK);
    List<String> lines = Files.readAllLines(output);
    Files.writeString(
        output, lines.get(0) + "\n" + lines.get(1) + "\n" + lines.get(2).substring(0, 9));
    CliRun again = generate(prompts(), "--output=" + output, "--batch-size=2");
    assertThat(again.code()).as(again.err()).isEqualTo(ExitCodes.OK);
    assertThat(Files.readAllLines(output)).isEqualTo(lines);
    CliRun other = generate(prompts(), "--output=" + output, "--seed=5");
    assertThat(other.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(other.err()).contains("other options");
  }

  @Test
  void chatsAreFramed() throws IOException {
    Path input =
        Files.writeString(
            folder.resolve("c.jsonl"),
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Who?\"}]}\n{\"prompt\": \"Who?\"}\n");
    List<String> lines = generate(input, "--chat").out().lines().toList();
    assertThat(json(lines.get(0)).get("ids").value())
        .isEqualTo(json(lines.get(1)).get("ids").value());
    CliRun raw = generate(input);
    assertThat(raw.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(raw.err()).contains("line 1: has \"messages\", which need the chat template");
  }

  @Test
  void whatIsWrongIsOneLine() throws IOException {
    Path file = folder.resolve("x.jsonl");
    assertFails(generate(file), "x.jsonl: there is no such file");
    Files.writeString(file, "{\"prompt\": \"a\"}\n{\"text\": \"b\"}\n");
    assertFails(generate(file), "line 2: prompt is missing; a string is needed");
    Files.writeString(file, "{\"id\": 1, \"prompt\": \"a\"}\n{\"id\": \"1\", \"prompt\": \"b\"}\n");
    assertFails(generate(file), "line 2: the id 1 has occurred before");
    Files.writeString(file, "{\"prompt\": \"%s\"}\n".formatted("x ".repeat(2000)));
    assertFails(generate(file), "line 1: the prompt has");
    Files.writeString(file, "[1]\n");
    assertFails(generate(file), "item 1 is 1; an object is needed");
    assertFails(CliRun.onModel("generate", "--output=x", "hi"), "need --input");
    assertFails(CliRun.onModel("generate", "--batch-size=2", "hi"), "need --input");
    assertFails(generate(prompts(), "hi"), "--input brings the prompts");
    assertFails(generate(prompts(), "--batch-size=0"), "--batch-size is 0");
  }

  private static void assertFails(CliRun run, String message) {
    assertThat(run.code()).isNotEqualTo(ExitCodes.OK);
    assertThat(run.err().lines()).hasSize(1);
    assertThat(run.err()).contains(message);
  }
}
