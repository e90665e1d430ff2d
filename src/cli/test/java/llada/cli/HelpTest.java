package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The help is complete: every option, examples, exit codes. */
class HelpTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "generate",
        "chat",
        "infill",
        "score",
        "eval",
        "serve-eval",
        "pull",
        "tokenize",
        "info",
        "train",
        "tokenizer",
        "experiments",
        "synth",
        "bench",
        "completion"
      })
  void namesEveryOptionExamplesAndExitCodes(String command) {
    CliRun run = CliRun.of(command, "--help");
    assertThat(run.code()).isEqualTo(ExitCodes.OK);
    assertThat(run.err()).isEmpty();
    assertThat(run.out()).contains("Examples", "  llada " + command, "Exit codes");
    assertThat(run.out()).doesNotContain("%n", "null", "${");
    CommandLine all = Main.commandLine(new RootCommand(new CommandContext(console(), Map.of())));
    all.getSubcommands()
        .get(command)
        .getCommandSpec()
        .options()
        .forEach(option -> assertThat(run.out()).contains(option.longestName()));
    assertThat(run.out().lines())
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(100));
  }

  @ParameterizedTest
  @ValueSource(strings = {"bench train", "bench decode", "tokenizer train"})
  void nestedCommandsToo(String command) {
    String[] words = (command + " --help").split(" ");
    CliRun run = CliRun.of(words);
    assertThat(run.code()).isEqualTo(ExitCodes.OK);
    assertThat(run.out()).contains("Examples", "  llada " + command, "Exit codes");
    assertThat(run.out()).doesNotContain("%n", "null", "${");
    Main.commandLine(new RootCommand(new CommandContext(console(), Map.of())))
        .getSubcommands()
        .get(words[0])
        .getSubcommands()
        .get(words[1])
        .getCommandSpec()
        .options()
        .forEach(option -> assertThat(run.out()).contains(option.longestName()));
    assertThat(run.out().lines())
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(100));
  }

  @Test
  void aRunWithoutCommandShowsTheCommands() {
    CliRun run = CliRun.of();
    assertThat(run.code()).isEqualTo(ExitCodes.OK);
    assertThat(run.out())
        .contains(
            "generate",
            "chat",
            "tokenize",
            "info",
            "train",
            "experiments",
            "synth",
            "bench",
            "completion",
            "130");
    assertThat(CliRun.of("help", "generate").out())
        .isEqualTo(CliRun.of("generate", "--help").out());
  }

  /** The list of commands shows the first line of a description: a whole sentence that fits. */
  @Test
  void noDescriptionIsCut() {
    complete(Main.commandLine(new RootCommand(new CommandContext(console(), Map.of()))));
  }

  private static void complete(CommandLine command) {
    for (CommandLine sub : command.getSubcommands().values()) {
      if (!(sub.getCommand() instanceof CommandLine.HelpCommand)) {
        String first = sub.getCommandSpec().usageMessage().description()[0];
        assertThat(first).as(sub.getCommandName()).endsWith(".");
      }
      complete(sub);
    }
    assertThat(command.getUsageMessage().lines())
        .noneMatch(line -> line.endsWith("...") && line.length() > 95);
  }

  @Test
  void optionsAreGrouped() {
    assertThat(CliRun.of("generate", "--help").out())
        .containsSubsequence("\nOptions\n", "--show-steps", "\nModel\n", "--model")
        .containsSubsequence("\nSampling\n", "--steps", "\nComputation\n", "--backend")
        .containsSubsequence("\nGeneral\n", "--verbose", "\nExit codes\n", "\nExamples\n");
  }

  @Test
  void completionScriptKnowsCommandsAndOptions() {
    CliRun run = CliRun.of("completion");
    assertThat(run.code()).isEqualTo(ExitCodes.OK);
    assertThat(run.out())
        .startsWith("#!/usr/bin/env bash")
        .contains("complete -F _complete_llada", "generate", "--show-steps", "tokenize");
  }

  private static Console console() {
    return Console.of(
        java.io.InputStream.nullInputStream(),
        java.io.OutputStream.nullOutputStream(),
        java.io.OutputStream.nullOutputStream());
  }
}
