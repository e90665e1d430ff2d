package llada.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A guided minute or two: what diffusion is for, command by command. */
@Command(
    name = "demo",
    description = {
      "A guided minute or two: what a diffusion language model does that others do not.",
      "",
      "Each command is shown before it runs, so that it can be tried again with other words.",
      "The model is one that train --recipe demo made."
    },
    footer = {"  llada demo -m demo/llada/model"})
final class DemoCommand implements Callable<Integer> {
  private static final String STORY = "Tell me a story about a fox.";
  private static final String SUDOKU =
      "Solve this sudoku: 650030 402000 003200 005600 024100 000000";

  private final CommandContext context;
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;

  /**
   * A part of it.
   *
   * @param told before the command
   * @param command and its arguments
   */
  private record Part(String told, String... command) {}

  private static final List<Part> PARTS =
      List.of(
          new Part(
              "A story. The text is not written from left to right: it is unmasked.",
              "generate",
              STORY,
              "--show-steps",
              "--gen-length",
              "96"),
          new Part(
              "A Sudoku. The surest cell is filled first, wherever it stands; the others wait.",
              "generate",
              SUDOKU,
              "--show-steps",
              "--remasking",
              "margin",
              "--gen-length",
              "64",
              "--block-length",
              "64",
              "--stop-at-eos"),
          new Part(
              "The middle of a text. What comes behind the gap counts as much as what comes"
                  + " before.",
              "infill",
              "There was once a fox near the lake.{12} Then an owl came by.{8}"),
          new Part(
              "A fact the other way round. Only \"Carl Vale is the pilot of Oakhill.\" was told,"
                  + " never who the pilot is.",
              "generate",
              "Who is the pilot of Oakhill?"),
          new Part(
              "Exact: a pass over the whole text for each token.",
              "generate",
              "Count from 7 to 19.",
              "--no-fast",
              "--gen-length",
              "96"),
          new Part(
              "Fast: all tokens that are sure enough at once, and a cache. The same answer,"
                  + " sooner.",
              "generate",
              "Count from 7 to 19.",
              "--fast",
              "--gen-length",
              "96"));

  DemoCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (!model.given()) { // the bundled one has learnt neither Sudoku nor these stories and facts
      throw new UsageException(
          "demo needs --model: a model made by `llada train --recipe demo -o demo`, as"
              + " demo/llada/model; the bundled one is of an earlier recipe without these lessons");
    }
    for (Part part : PARTS) {
      List<String> arguments = new ArrayList<>(List.of(part.command));
      String name = arguments.removeFirst();
      arguments.addAll(List.of("--model", model.path().toString()));
      Console console = context.console();
      console.out().printf("%n%s%n$ llada %s %s%n%n", part.told, name, quoted(arguments));
      console.flush();
      CommandLine command = spec.parent().subcommands().get(name);
      int code = command.execute(arguments.toArray(String[]::new));
      if (code != ExitCodes.OK) {
        return code;
      }
    }
    return ExitCodes.OK;
  }

  private static String quoted(List<String> arguments) {
    return String.join(
        " ",
        arguments.stream().map(a -> a.matches("[A-Za-z0-9./_-]+") ? a : '"' + a + '"').toList());
  }
}
