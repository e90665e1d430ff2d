package llada.cli;

/** What the process returns to the shell; documented in every command's help. */
public final class ExitCodes {
  /** All went well. */
  public static final int OK = 0;

  /** A fault of the program. */
  public static final int INTERNAL = 1;

  /** A wrong option or argument. */
  public static final int USAGE = 2;

  /** A file is missing, unreadable, unwritable or not what it should be. */
  public static final int BAD_FILE = 3;

  /** The backend that was asked for cannot run here. */
  public static final int NO_BACKEND = 4;

  /** Out of memory. */
  public static final int OUT_OF_MEMORY = 5;

  /** Training ended in a loss that is no number. */
  public static final int DIVERGED = 6;

  /** Interrupted by Ctrl-C: 128 + SIGINT, also what the JVM returns by itself. */
  public static final int INTERRUPTED = 130;

  /** The reader of standard output went away, as in {@code | head}: 128 + SIGPIPE. */
  public static final int OUTPUT_CLOSED = 141;

  private ExitCodes() {}

  /** The lines of the help's section, each as picocli wants it, {@code code:meaning}. */
  static String[] help() {
    return new String[] {
      OK + ":all went well",
      INTERNAL + ":a fault of the program; --verbose shows the stack trace",
      USAGE + ":a wrong option or argument",
      BAD_FILE + ":a file is missing, unreadable, unwritable or malformed",
      NO_BACKEND + ":the backend asked for cannot run here",
      OUT_OF_MEMORY + ":out of memory",
      DIVERGED + ":the training loss became no number",
      INTERRUPTED + ":interrupted by Ctrl-C",
      OUTPUT_CLOSED + ":standard output was closed by its reader, as by head",
    };
  }
}
