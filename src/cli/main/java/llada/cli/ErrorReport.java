package llada.cli;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.List;
import llada.api.MemoryNeed;
import llada.api.RequestException;
import llada.backend.BackendException;
import llada.bench.Peer;
import llada.checkpoint.MissingModelException;
import llada.diffusion.SettingException;
import llada.format.FormatException;
import llada.format.MappedFile;
import llada.hub.ModelName;
import llada.tokenizer.TokenizerException;
import llada.train.NonFiniteLossException;
import llada.train.ResumeException;
import picocli.CommandLine;

/**
 * What to say and what to return when something goes wrong: one line for the user, one of {@link
 * ExitCodes}.
 *
 * @param exitCode what the process returns
 * @param message the line without the program's name; null if nothing is to be said
 */
record ErrorReport(int exitCode, String message) {

  static ErrorReport of(Throwable thrown) {
    return switch (thrown) {
      case CommandLine.ParameterException e -> new ErrorReport(ExitCodes.USAGE, usage(e));
      case UsageException e -> new ErrorReport(ExitCodes.USAGE, e.getMessage());
      case Peer.Failure e -> new ErrorReport(ExitCodes.USAGE, e.getMessage());
      case RequestException e -> new ErrorReport(ExitCodes.USAGE, e.getMessage());
      case SettingException e ->
          new ErrorReport(ExitCodes.USAGE, TrainSettings.option(e.setting()) + e.problem());
      case MissingModelException e ->
          new ErrorReport(
              ExitCodes.BAD_FILE,
              "%s; llada pull %s brings one from a hub"
                  .formatted(
                      e.getMessage(),
                      ModelName.meant(e.path()).map(ModelName::toString).orElse("OWNER/MODEL")));
      case FormatException e -> new ErrorReport(ExitCodes.BAD_FILE, e.getMessage());
      case ResumeException e -> new ErrorReport(ExitCodes.USAGE, e.getMessage());
      case NonFiniteLossException e -> new ErrorReport(ExitCodes.DIVERGED, e.getMessage());
      case TokenizerException e -> new ErrorReport(ExitCodes.BAD_FILE, e.getMessage());
      case BackendException.UnknownName e -> new ErrorReport(ExitCodes.USAGE, e.getMessage());
      case BackendException e -> new ErrorReport(ExitCodes.NO_BACKEND, e.getMessage());
      case Console.OutputException e ->
          e.closed()
              ? new ErrorReport(ExitCodes.OUTPUT_CLOSED, null)
              : new ErrorReport(ExitCodes.BAD_FILE, e.getMessage());
      case UncheckedIOException e -> of(e.getCause());
      case IOException e -> new ErrorReport(ExitCodes.BAD_FILE, file(e));
      case InternalError e when MappedFile.change().isPresent() ->
          of(MappedFile.change().orElseThrow()); // the JVM met a page that is gone
      case OutOfMemoryError e -> new ErrorReport(ExitCodes.OUT_OF_MEMORY, memory(e));
      default -> new ErrorReport(ExitCodes.INTERNAL, internal(thrown));
    };
  }

  private static String usage(CommandLine.ParameterException e) {
    String problem =
        e instanceof CommandLine.UnmatchedArgumentException unmatched
            ? unmatched(unmatched)
            : oneLine(e.getMessage()).replace("is not an int", "is not a whole number");
    return "%s (see '%s --help')"
        .formatted(problem, e.getCommandLine().getCommandSpec().qualifiedName());
  }

  /** What picocli could not place: an option, a command, or the rest of a prompt. */
  private static String unmatched(CommandLine.UnmatchedArgumentException e) {
    List<String> words = e.getUnmatched();
    String problem =
        words.stream()
            .filter(word -> e.isUnknownOption() && word.startsWith("-"))
            .findFirst()
            .map(option -> "unknown option " + option)
            .orElse(null);
    if (problem == null && !e.getCommandLine().getSubcommands().isEmpty()) {
      problem = "unknown command " + words.getFirst();
    }
    if (problem == null) {
      return "unexpected argument %s; put a text of several words in quotes"
          .formatted(words.getFirst());
    }
    return e.getSuggestions().isEmpty()
        ? problem
        : problem + "; did you mean " + String.join(" or ", e.getSuggestions()) + "?";
  }

  private static String file(IOException e) {
    String name = e instanceof FileSystemException f ? f.getFile() : null;
    return switch (e) {
      case NoSuchFileException f -> f.getFile() + ": no such file or folder; check the path";
      case AccessDeniedException f -> f.getFile() + ": access denied; check the file's permissions";
      case NotDirectoryException f -> f.getFile() + ": is not a folder";
      case FileNotFoundException f -> oneLine(f.getMessage());
      default ->
          name != null && e instanceof FileSystemException f && f.getReason() != null
              ? name + ": " + f.getReason()
              : "input or output failed: " + oneLine(String.valueOf(e.getMessage()));
    };
  }

  /** The JVM's words, what it had, and the two ways out. */
  private static String memory(OutOfMemoryError e) {
    String heap = MemoryNeed.text(Runtime.getRuntime().maxMemory());
    String why = e.getMessage() == null ? "" : " (" + oneLine(e.getMessage()) + ")";
    return "out of memory%s; the Java heap may use %s: %s"
        .formatted(
            why,
            heap,
            "give it more by LLADA_JAVA_OPTS=-Xmx8g, ask for less by --gen-length,"
                + " or take a checkpoint of a smaller weight type");
  }

  private static String internal(Throwable thrown) {
    String what = thrown.getClass().getSimpleName();
    String message = thrown.getMessage();
    return "internal error: %s%s; --verbose shows the stack trace"
        .formatted(what, message == null ? "" : ": " + oneLine(message));
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
