package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import llada.format.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bounds of texts. */
class ScoreTest {
  @TempDir Path folder;

  private static Json score(String... args) {
    CliRun run = CliRun.onModel("score", args);
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    return Json.parse(run.out().getBytes(StandardCharsets.UTF_8), "output");
  }

  @Test
  void figuresBelongTogether() {
    Json json = score("--json", "--mc-num=64", "To be, or not to be, that is the question");
    double bound = json.get("log_likelihood").number();
    double tokens = json.get("tokens").number();
    double nats = json.get("nats_per_token").number();
    assertThat(nats).isCloseTo(-bound / tokens, offset(1e-12));
    assertThat(json.get("bits_per_token").number()).isCloseTo(nats / Math.log(2), offset(1e-9));
    assertThat(json.get("bits_per_byte").number())
        .isCloseTo(-bound / Math.log(2) / 41, offset(1e-9));
    assertThat(json.get("perplexity").number()).isCloseTo(Math.exp(nats), offset(1e-6));
    assertThat(json.get("perplexity_standard_error").number())
        .isCloseTo(Math.exp(nats) * json.get("standard_error").number() / tokens, offset(1e-6));
    assertThat(json.get("options").get("mc_num").integer()).isEqualTo(64);
    // Held-out text of this corpus has about 4.5 nats per token for this model; noise has far more.
    assertThat(nats).isBetween(3.0, 6.0);
    assertThat(score("--json", "--mc-num=16", "zqx jkv wpf").get("nats_per_token").number())
        .isGreaterThan(nats + 1);
  }

  @Test
  void formsAgreeWithinTheirErrors() {
    String text = "My lord, I will.";
    Json l = score("--json", "--mc-num=256", text);
    Json t = score("--json", "--mc-num=1024", "--form=t", text);
    Json mirrored = score("--json", "--mc-num=256", "--antithetic", text);
    for (Json other : List.of(t, mirrored)) {
      double error =
          Math.hypot(l.get("standard_error").number(), other.get("standard_error").number());
      assertThat(l.get("log_likelihood").number())
          .isCloseTo(other.get("log_likelihood").number(), offset(5 * error));
    }
  }

  @Test
  void whatIsGivenHelps() {
    double alone = score("--json", "--mc-num=32", " my lord").get("log_likelihood").number();
    double after =
        score("--json", "--mc-num=32", "--after", "Good morrow,", " my lord")
            .get("log_likelihood")
            .number();
    assertThat(after).isGreaterThan(alone);
  }

  @Test
  void longTextsAreScoredInWindows() {
    Json json = score("--json", "--mc-num=1", "--window=300", "O Romeo, my lord. ".repeat(200));
    assertThat(json.get("tokens").integer()).isGreaterThan(1024);
    assertThat(json.get("standard_error").isNull()).isTrue();
    assertThat(json.get("nats_per_token").number()).isBetween(0.01, 6.0);
  }

  @Test
  void manyTextsAndOnTheirTotal() throws IOException {
    Path input =
        Files.writeString(
            folder.resolve("t.jsonl"),
            """
            {"text": "My lord, I will."}
            {"id": "b", "prompt": "Good morrow,", "response": " my lord"}
            """);
    Path output = folder.resolve("s.jsonl");
    String[] args = {"--input=" + input, "--output=" + output, "--mc-num=32", "--json", "--quiet"};
    Json first = score(args);
    List<String> lines = Files.readAllLines(output);
    assertThat(lines).hasSize(2);
    Json one = Json.parse(lines.get(0).getBytes(StandardCharsets.UTF_8), "1");
    assertThat(one.get("id").string()).isEqualTo("1");
    assertThat(one.get("log_likelihood").number())
        .isEqualTo(
            score("--json", "--mc-num=32", "My lord, I will.").get("log_likelihood").number());
    Json two = Json.parse(lines.get(1).getBytes(StandardCharsets.UTF_8), "2");
    assertThat(first.get("texts").integer()).isEqualTo(2);
    assertThat(first.get("log_likelihood").number())
        .isCloseTo(
            one.get("log_likelihood").number() + two.get("log_likelihood").number(), offset(1e-9));
    Files.writeString(output, lines.get(0) + "\n" + lines.get(1).substring(0, 20));
    Json again = score(args);
    assertThat(again.get("log_likelihood").number())
        .isCloseTo(first.get("log_likelihood").number(), offset(1e-9));
    assertThat(Files.readAllLines(output)).isEqualTo(lines);
  }
}
