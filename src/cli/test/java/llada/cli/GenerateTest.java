package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import llada.Golden;
import llada.format.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands on the small trained model, through to what they print. */
class GenerateTest {
  @TempDir Path folder;

  private static final String[] SHORT = {"--gen-length", "16", "--steps", "8"};

  private static CliRun generate(String... more) {
    List<String> args = new ArrayList<>(List.of(SHORT));
    args.addAll(List.of(more));
    return CliRun.onModel("generate", args.toArray(String[]::new));
  }

  private static Json json(CliRun run) {
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    assertThat(run.out().lines()).hasSize(1);
    return Json.parse(run.out().getBytes(StandardCharsets.UTF_8), "output");
  }

  private static List<Long> ids(Json json) {
    return json.list().stream().map(Json::integer).toList();
  }

  @Test
  void recordedGenerationIsReproduced() {
    Json first = Golden.json(CliRun.model().resolve("generations.json")).get(0);
    Json params = first.get("params");
    CliRun run =
        CliRun.onModel(
            "generate",
            "--json",
            "--mode=published",
            "--exact", // the weights are bfloat16
            "--steps=" + params.get("steps").integer(),
            "--gen-length=" + params.get("gen_length").integer(),
            "--block-length=" + params.get("block_length").integer(),
            first.get("prompt").string());
    Json json = json(run);
    assertThat(ids(json.get("prompt_ids"))).isEqualTo(ids(first.get("prompt_ids")));
    assertThat(ids(json.get("ids"))).isEqualTo(ids(first.get("output_ids")));
    assertThat(json.get("text").string()).isEqualTo(first.get("text").string());
    assertThat(json.get("forward_passes").integer()).isEqualTo(params.get("steps").integer());
  }

  @Test
  void resultsAndFiguresAreApart() {
    CliRun run = generate("--seed", "7", "--raw", "ROMEO:");
    assertThat(run.code()).isEqualTo(ExitCodes.OK);
    assertThat(run.out()).endsWith("\n").hasSizeGreaterThan(8);
    assertThat(run.err().lines()).hasSize(1);
    assertThat(run.err())
        .contains("8 steps in ", "ms per step", "8 forward passes", "tokens/s", "useful", "seed 7")
        .contains("start ", "load ");
    assertThat(generate("--quiet", "ROMEO:").err()).isEmpty();
  }

  @Test
  void sameSeedSameTextWhateverTheThreads() {
    String[] warm = {"--temperature", "1", "--seed", "3", "--quiet", "ROMEO:"};
    String once = generate(warm).out();
    List<String> single = new ArrayList<>(List.of(warm));
    single.addAll(List.of("--threads", "1"));
    assertThat(generate(single.toArray(String[]::new)).out()).isEqualTo(once);
  }

  @Test
  void jsonHoldsOptionsSeedAndTimes() {
    Json json =
        json(generate("--json", "--seed", "5", "--remasking", "entropy", "--top-k", "9", "x"));
    Json options = json.get("options");
    assertThat(options.get("remasking").string()).isEqualTo("entropy");
    assertThat(options.get("top_k").integer()).isEqualTo(9);
    assertThat(options.get("gen_length").integer()).isEqualTo(16);
    assertThat(options.get("mode").string()).isEqualTo("intended");
    assertThat(json.get("seed").integer()).isEqualTo(5);
    assertThat(json.get("prompt").string()).isEqualTo("x");
    assertThat(json.get("ids").size()).isEqualTo(16);
    assertThat(json.get("timing").get("ms_per_step").number()).isPositive();
  }

  @Test
  void promptsComeFromArgumentFileOrInput() throws IOException {
    Path file = Files.writeString(folder.resolve("prompt.txt"), "ROMEO:\nO, \n");
    String wanted = "ROMEO:\nO, ";
    assertThat(json(generate("--json", wanted)).get("prompt").string()).isEqualTo(wanted);
    assertThat(json(generate("--json", "--prompt-file=" + file)).get("prompt").string())
        .isEqualTo(wanted);
    for (String[] end : new String[][] {{}, {"-"}}) {
      List<String> args =
          new ArrayList<>(
              List.of("generate", "--json", "--gen-length=4", "-m", CliRun.model().toString()));
      args.addAll(List.of(end));
      CliRun run = CliRun.withInput("ROMEO:\nO, \r\n", args.toArray(String[]::new));
      assertThat(json(run).get("prompt").string()).isEqualTo(wanted);
    }
  }

  @Test
  void emptyPromptIsAllowed() {
    Json json = json(generate("--json", ""));
    assertThat(json.get("prompt_ids").size()).isZero();
    assertThat(json.get("ids").size()).isEqualTo(16);
  }

  @Test
  void guidanceTakesTwoPasses() {
    assertThat(json(generate("--json", "--cfg-scale", "1", "x")).get("forward_passes").integer())
        .isEqualTo(16);
  }

  @Test
  void chatFramesThePrompt() {
    Json framed = json(generate("--json", "--chat", "--system", "Be brief.", "Who?"));
    Json raw = json(generate("--json", "Who?"));
    assertThat(framed.get("prompt_ids").size()).isGreaterThan(raw.get("prompt_ids").size() + 8);
    assertThat(framed.get("prompt_ids").get(0).integer()).as("BOS, once").isZero();
    assertThat(framed.get("prompt_ids").get(1).integer()).isNotZero();
  }

  @Test
  void aChatTemplateThatIsNotUsedIsToldOf() {
    assertThat(generate("Who?").err()).containsOnlyOnce("has a chat template: --chat frames it");
    assertThat(generate("--chat", "Who?").err()).doesNotContain("template");
    assertThat(generate("--raw", "Who?").err()).doesNotContain("template");
  }

  @Test
  void stepsAreShownAsLinesWhereNothingCanBeDrawn() {
    CliRun run = generate("--show-steps", "--raw", "ROMEO:");
    List<String> lines = run.err().lines().toList();
    assertThat(lines).hasSize(9);
    assertThat(lines.get(0)).startsWith("step 1/8  ").contains("░");
    assertThat(lines.get(7)).startsWith("step 8/8  ").doesNotContain("░");
    assertThat(run.out()).doesNotContain("\u001b", "step");
  }

  @Test
  void tokenizeThereAndBack() {
    CliRun there = CliRun.onModel("tokenize", "--json", "ROMEO:\nO, ");
    Json json = json(there);
    assertThat(ids(json.get("ids"))).containsExactly(864L, 31L, 204L, 52L, 17L, 226L);
    assertThat(json.get("pieces").size()).isEqualTo(6);
    assertThat(CliRun.onModel("tokenize", "--decode", "864, 31 204,52 17 226").out())
        .isEqualTo("ROMEO:\nO, %n".formatted());
    assertThat(CliRun.onModel("tokenize", "ROMEO:\n").out().lines())
        .contains("864\tROMEO", "204\t\\n");
    assertThat(CliRun.onModel("tokenize", "").out()).isEmpty();
  }

  @Test
  void infoShowsShapeAndNeed() {
    CliRun run = CliRun.onModel("info", "--tensors");
    assertThat(run.code()).isEqualTo(ExitCodes.OK);
    assertThat(run.out())
        .contains("Hugging Face folder", "2.16 million", "n_layers", "mask_token_id", "BF16")
        .contains("max_sequence_length", "1024", "fits", "(1024, 192)", "Tensors");
    Json json = json(CliRun.onModel("info", "--json", "--tensors"));
    assertThat(json.get("config").get("mask_token_id").integer()).isEqualTo(5);
    long bytes = json.get("tensors").list().stream().mapToLong(t -> t.get("bytes").integer()).sum();
    assertThat(json.get("memory").get("weight_bytes").integer()).isEqualTo(bytes);
    assertThat(json.get("parameters").integer()).isEqualTo(bytes / 2);
  }

  @Test
  void chatFromAPipeAnswersEveryLine() throws IOException {
    Path saved = folder.resolve("talk.md");
    CliRun run =
        CliRun.withInput(
            "/length 8\nWho are you?\n\nWhy?\n/save "
                + saved
                + "\n/nonsense\n/steps x\n/quit\nno\n",
            "chat",
            "-m",
            CliRun.model().toString());
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    assertThat(run.err())
        .contains("length 8, steps 8, block 8", "saved 2 turns")
        .contains("llada: /nonsense is no command", "llada: /steps needs a whole number");
    assertThat(Files.readString(saved)).containsSubsequence("## user", "## assistant", "Why?");
  }

  @Test
  void rawChatNeedsNoTemplate() {
    CliRun run =
        CliRun.withInput(
            "ROMEO:\n", "chat", "--raw", "--gen-length=8", "-m", CliRun.model().toString());
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    assertThat(run.out()).isNotEmpty();
  }
}
