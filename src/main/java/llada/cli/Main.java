package llada.cli;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ServiceLoader;
import picocli.CommandLine;

/** The program's entry: hands the arguments to the command they name. */
public final class Main {
  private Main() {}

  /**
   * Runs one command and ends the process with its exit code.
   *
   * @param args the command and its arguments
   */
  public static void main(String[] args) {
    Console console = Console.system();
    System.setErr(console.err()); // for what any library or dying thread may say
    System.exit(run(args, console));
  }

  /**
   * Runs one command without ending the process.
   *
   * @param args the command and its arguments
   * @param in its standard input
   * @param out receives results
   * @param err receives messages
   * @return one of {@link ExitCodes}
   */
  public static int run(String[] args, InputStream in, OutputStream out, OutputStream err) {
    return run(args, Console.of(in, out, err));
  }

  static int run(String[] args, Console console) {
    RootCommand root = new RootCommand(console);
    try {
      int code = commandLine(root).execute(args);
      console.flush();
      return code;
    } catch (Throwable thrown) {
      // Errors of the JVM included: running out of memory is the user's business too.
      return report(thrown, root);
    }
  }

  private static int report(Throwable thrown, RootCommand root) {
    ErrorReport report = ErrorReport.of(thrown);
    if (report.message() != null) {
      root.console().message(report.message());
    }
    if (root.verbose()) {
      thrown.printStackTrace(root.console().err());
    }
    return report.exitCode();
  }

  /** All commands, set up to write to the console and to report what they throw. */
  static CommandLine commandLine(RootCommand root) {
    Console console = root.console();
    CommandLine commandLine = new CommandLine(root);
    for (CommandProvider provider : ServiceLoader.load(CommandProvider.class)) {
      commandLine.addSubcommand(provider.command());
    }
    commandLine.addSubcommand(new CommandLine.HelpCommand());
    commandLine.setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8));
    commandLine.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
    commandLine.setColorScheme(
        CommandLine.Help.defaultColorScheme(
            console.colour() ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF));
    commandLine.setUsageHelpWidth(100);
    commandLine.setParameterExceptionHandler((e, _) -> report(e, root));
    commandLine.setExecutionExceptionHandler((e, _, _) -> report(e, root));
    GroupedHelp.install(commandLine);
    return commandLine;
  }
}
