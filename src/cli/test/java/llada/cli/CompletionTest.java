package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import llada.diffusion.DecoderText;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** What a shell offers is what the commands take. */
final class CompletionTest {
  private static String script() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int code =
        Main.run(
            new String[] {"completion"},
            new ByteArrayInputStream(new byte[0]),
            out,
            new ByteArrayOutputStream());
    assertThat(code).isZero();
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void offersTheSpellingThatIsTaken() {
    String script = script();
    assertThat(script).contains("low_confidence", "dkv-pd", "llada-8b", "machine");
    assertThat(script).doesNotContain("LOW_CONFIDENCE", "INTENDED", "Q4_K_M");
  }

  /** Parsed only: nothing is computed. */
  @Test
  void everyValueIsTaken() {
    Map<String, List<String>> commands =
        Map.of(
            "generate",
            List.of("--backend", "--remasking", "--mode", "--cache-type"),
            "synth",
            List.of("--type", "--shape"),
            "experiments",
            List.of("--size"));
    Console console =
        Console.of(
            new ByteArrayInputStream(new byte[0]),
            new ByteArrayOutputStream(),
            new ByteArrayOutputStream());
    commands.forEach(
        (command, options) ->
            options.forEach(
                option ->
                    CompletionCommand.VALUES
                        .get(option)
                        .forEach(
                            value -> {
                              CommandLine line =
                                  Main.commandLine(
                                      new RootCommand(new CommandContext(console, Map.of())));
                              assertThatCode(() -> line.parseArgs(command, option, value))
                                  .as("%s %s %s", command, option, value)
                                  .satisfiesAnyOf(
                                      thrown -> assertThat(thrown).isNull(),
                                      thrown ->
                                          assertThat(thrown)
                                              .isInstanceOf(
                                                  CommandLine.MissingParameterException.class));
                            })));
    CompletionCommand.VALUES
        .get("--cache")
        .forEach(v -> assertThatCode(() -> DecoderText.cache(v)).doesNotThrowAnyException());
    CompletionCommand.VALUES
        .get("--commit")
        .forEach(v -> assertThatCode(() -> DecoderText.commit(v)).doesNotThrowAnyException());
  }
}
