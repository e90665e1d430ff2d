package llada.cli;

import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code llada} without a command: shows what there is. */
@Command(
    name = "llada",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    version = CommandContext.VERSION,
    synopsisSubcommandLabel = "COMMAND")
final class RootCommand implements Runnable {
  /** In the order of the help; those of other modules follow. */
  static final List<Class<?>> COMMANDS =
      List.of(
          DemoCommand.class,
          GenerateCommand.class,
          ChatCommand.class,
          InfillCommand.class,
          ScoreCommand.class,
          EvalCommand.class,
          ServeCommand.class,
          ServeEvalCommand.class,
          PullCommand.class,
          TokenizeCommand.class,
          InfoCommand.class,
          CheckModelCommand.class,
          TrainCommand.class,
          TokenizerCommand.class,
          ExperimentsCommand.class,
          SynthCommand.class,
          BenchCommand.class,
          CompletionCommand.class);

  private final CommandContext context;

  @Spec private CommandSpec spec;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "On failure, show the stack trace (also: environment variable LLADA_DEBUG=1).")
  private boolean verbose;

  RootCommand(CommandContext context) {
    this.context = context;
  }

  CommandContext context() {
    return context;
  }

  boolean verbose() {
    return verbose || context.variable("LLADA_DEBUG").filter(v -> !v.equals("0")).isPresent();
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
