package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import llada.bench.DecodeSetting;
import llada.format.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The decoders from the command line, and what compares them. */
class DecodeTest {
  @TempDir Path folder;

  private static Json generate(String... more) {
    List<String> args =
        new ArrayList<>(List.of("--json", "--quiet", "--exact", "--gen-length=32", "--seed=1"));
    args.addAll(List.of(more));
    args.add("ROMEO:");
    CliRun run = CliRun.onModel("generate", args.toArray(String[]::new));
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    return Json.parse(run.out().getBytes(StandardCharsets.UTF_8), "output");
  }

  @Test
  void fastIsAPresetAndTheExactSamplerTheDefault() {
    Json exact = generate();
    assertThat(exact.get("options").get("cache").string()).isEqualTo("none");
    assertThat(exact.get("options").get("commit").string()).isEqualTo("quota");
    long prompt = exact.get("prompt_ids").list().size();
    assertThat(exact.get("positions_computed").integer()).isEqualTo(32 * (32 + prompt));

    Json fast = generate("--fast");
    assertThat(fast.get("options").get("cache").string()).isEqualTo("dual");
    assertThat(fast.get("options").get("commit").string()).isEqualTo("threshold=0.9");
    assertThat(fast.get("options").get("block_length").integer()).isEqualTo(32);
    assertThat(fast.get("options").get("stop_at_eos").bool()).isTrue();
    assertThat(fast.get("positions_computed").integer()).isLessThanOrEqualTo(32 + prompt + 31 * 32);

    Json mine = generate("--fast", "--cache", "prefix=2", "--commit", "eb=0.5", "--prophet");
    assertThat(mine.get("options").get("cache").string()).isEqualTo("prefix=2");
    assertThat(mine.get("options").get("commit").string()).isEqualTo("eb=0.5");
    assertThat(mine.get("options").get("prophet").bool()).isTrue();
  }

  @Test
  void aCacheRefreshedInEveryStepGivesTheSameText() {
    String exact = generate("--block-length", "8").get("text").string();
    for (String cache : List.of("prefix=1", "dual=1", "dkv=1", "dllm=1,1,0.25")) {
      assertThat(generate("--block-length", "8", "--cache", cache).get("text").string())
          .as(cache)
          .isEqualTo(exact);
    }
  }

  @Test
  void everyOptionIsTaken() {
    Json json =
        generate(
            "--fast",
            "--cache-type=q8_0",
            "--variable-length",
            "--repetition-penalty=1.2",
            "--no-repeat-ngram=3",
            "--block-length=8");
    assertThat(json.get("options").get("cache_type").string()).isEqualTo("q8_0");
    assertThat(json.get("options").get("variable_length").bool()).isTrue();
    assertThat(json.get("options").get("no_repeat_ngram").integer()).isEqualTo(3);
  }

  @Test
  void mistakesAreNamed() {
    assertRefused("'duel' is no cache; choose from none, prefix", "--cache", "duel");
    assertRefused("'best' is no rule; choose from quota", "--commit", "best");
    assertRefused("the confidence threshold is 2.0", "--commit", "threshold=2");
    assertRefused("a variable length needs a rule", "--variable-length");
    assertRefused("mode published", "--fast", "--mode", "published");
    assertRefused("'f16' is none of f32, bf16, q8_0", "--cache-type", "f16");
    assertRefused("the repetition penalty is 0.5", "--repetition-penalty", "0.5");
  }

  private static void assertRefused(String message, String... args) {
    List<String> all = new ArrayList<>(List.of(args));
    all.add("x");
    CliRun run = CliRun.onModel("generate", all.toArray(String[]::new));
    assertThat(run.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(run.out()).isEmpty();
    assertThat(run.err().lines()).hasSize(1);
    assertThat(run.err()).contains(message);
  }

  private CliRun bench(String... more) {
    List<String> args =
        new ArrayList<>(List.of("bench", "decode", "--model", CliRun.model().toString()));
    args.addAll(List.of("--out", folder.toString(), "--gen-length=16", "--block-length=8"));
    args.addAll(List.of(more));
    return CliRun.of(args.toArray(String[]::new));
  }

  @Test
  void theBenchComparesEverySettingWithTheFirst() throws IOException {
    CliRun run =
        bench(
            "--json",
            "--questions=1",
            "--setting=exact",
            "--setting=dual=1",
            "--setting=dual+threshold=0.5+eos");
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    List<Json> rows =
        run.out()
            .lines()
            .map(line -> Json.parse(line.getBytes(StandardCharsets.UTF_8), "output"))
            .toList();
    assertThat(rows).hasSize(3);
    long questions = rows.getFirst().get("questions").integer();
    assertThat(questions).isPositive();
    assertThat(rows.get(0).get("same_tokens").number()).isEqualTo(100);
    assertThat(rows.get(0).get("fewer_positions").number()).isEqualTo(1);
    assertThat(rows.get(0).get("forward_passes").integer()).isEqualTo(16 * questions);
    assertThat(rows.get(1).get("same_text").number()).isEqualTo(100);
    assertThat(rows.get(1).get("positions").integer())
        .isEqualTo(rows.get(0).get("positions").integer());
    assertThat(rows.get(2).get("positions").integer())
        .isLessThan(rows.get(0).get("positions").integer());
    assertThat(Files.readAllLines(folder.resolve("decode.csv")))
        .hasSize(4)
        .allSatisfy(line -> assertThat(line.split(",")).hasSize(16));
    assertThat(Files.readString(folder.resolve("decode.svg")))
        .startsWith("<svg")
        .endsWith("</svg>\n")
        .contains("dual+threshold=0.5+eos", "right answers");
  }

  @Test
  void theBenchTakesRandomPromptsAndPrintsATable() {
    CliRun run = bench("--random-prompt=5", "--setting=exact", "--setting=prefix+steps=4");
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    assertThat(run.out()).contains("setting", "useful/s", "prefix+steps=4", "16.0");
    assertThat(bench("--setting=dual+best").err()).contains("'best' is no rule");
    assertThat(bench("--setting=steps=3").err()).contains("'steps=3': steps is 3");
    assertThat(CliRun.of("bench", "decode", "--out=no/such").err()).contains("is no folder");
  }

  @Test
  void everySettingOfTheBenchCanBeRead() {
    for (int length : new int[] {64, 128}) {
      for (String setting : DecodeSetting.all(length)) {
        assertThat(DecodeSetting.parse(setting).options(length, 32).genLength()).isEqualTo(length);
      }
    }
  }
}
