package llada.cli;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import llada.kernel.simd.WarmUp;
import picocli.CommandLine;

/** The program's entry: hands the arguments to the command they name. */
public final class Main {
  /** Commands that are likely to compute at once. */
  private static final Set<Class<?>> ANSWERING =
      Set.of(GenerateCommand.class, ChatCommand.class, InfillCommand.class, ScoreCommand.class);

  /** Commands that need the others: one describes them, one runs them. */
  private static final Set<Class<?>> OF_ALL = Set.of(CompletionCommand.class, DemoCommand.class);

  private Main() {}

  /**
   * Runs one command and ends the process with its exit code.
   *
   * @param args the command and its arguments
   */
  public static void main(String[] args) {
    int code;
    try {
      Console console = Console.system();
      System.setErr(console.err()); // for what any library or dying thread may say
      code = run(args, console);
    } catch (OutOfMemoryError | ExceptionInInitializerError | NoClassDefFoundError e) {
      if (!outOfMemory(e)) {
        throw e;
      }
      // So little memory that the report of it could not be made or a class not be initialised.
      Runtime.getRuntime().halt(ExitCodes.OUT_OF_MEMORY);
      return;
    }
    System.exit(code);
  }

  private static boolean outOfMemory(Throwable e) {
    return e instanceof OutOfMemoryError || e.getCause() != null && outOfMemory(e.getCause());
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
    RootCommand root = new RootCommand(new CommandContext(console, System.getenv()));
    try {
      requireDecoded(args);
      int code = commandLine(root, named(args)).execute(args);
      console.flush();
      return code;
    } catch (Throwable thrown) {
      // Errors of the JVM included: running out of memory is the user's business too.
      return report(thrown, root);
    }
  }

  /**
   * In a locale without the characters of an argument, the JVM puts U+FFFD in their place: another
   * text or file than the one that was meant.
   */
  private static void requireDecoded(String[] args) {
    for (String argument : args) {
      if (argument.indexOf('\uFFFD') >= 0) {
        throw new UsageException(
            "the argument '%s' holds U+FFFD, which stands for what the locale (%s) cannot express; set LC_ALL=C.UTF-8, or pass the text in a file"
                .formatted(argument, System.getProperty("sun.jnu.encoding")));
      }
    }
  }

  private static int report(Throwable thrown, RootCommand root) {
    ErrorReport report = ErrorReport.of(thrown);
    Console console = root.context().console();
    if (report.message() != null) {
      console.message(report.message());
    }
    if (root.verbose()) {
      StringWriter trace = new StringWriter();
      thrown.printStackTrace(new PrintWriter(trace));
      trace.toString().lines().map(Main::traceLine).forEach(console.err()::println);
    }
    return report.exitCode();
  }

  /** Its tab stays; anything else in it may come from a file. */
  private static String traceLine(String line) {
    return line.startsWith("\t") ? "\t" + Console.line(line) : Console.line(line);
  }

  /**
   * The command that the first argument names, if that is one of ours. To build all of them takes
   * longer than an answer.
   */
  private static Optional<Class<?>> named(String[] args) {
    return RootCommand.COMMANDS.stream()
        .filter(command -> !OF_ALL.contains(command))
        .filter(
            command ->
                args.length > 0
                    && command.getAnnotation(CommandLine.Command.class).name().equals(args[0]))
        .findFirst();
  }

  /** All commands, set up to write to the console and to report what they throw. */
  static CommandLine commandLine(RootCommand root) {
    return commandLine(root, Optional.empty());
  }

  private static CommandLine commandLine(RootCommand root, Optional<Class<?>> only) {
    Console console = root.context().console();
    only.filter(ANSWERING::contains).ifPresent(_ -> WarmUp.begin());
    CommandLine commandLine = new CommandLine(root, root.context());
    if (only.isPresent()) {
      commandLine.addSubcommand(only.get());
    } else {
      RootCommand.COMMANDS.forEach(commandLine::addSubcommand);
      for (CommandProvider provider : ServiceLoader.load(CommandProvider.class)) {
        commandLine.addSubcommand(provider.command());
      }
      commandLine.addSubcommand(new CommandLine.HelpCommand());
    }
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
