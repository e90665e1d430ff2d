package llada.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import llada.format.FormatException;

/**
 * The three standard streams of a run and what stands behind them; tests bring their own. Both
 * outputs are UTF-8 whatever the locale says.
 */
final class Console {
  /** Characters of a message, so that it has at most 1,000 with the program's name. */
  private static final int LONGEST = 990;

  private final InputStream in;
  private final Results results;
  private final PrintStream out;
  private final PrintStream err;
  private final boolean inIsTerminal;
  private final boolean outIsTerminal;
  private final boolean errIsTerminal;
  private boolean failureTold;

  private Console(
      InputStream in,
      OutputStream out,
      OutputStream err,
      boolean inIsTerminal,
      boolean outIsTerminal,
      boolean errIsTerminal) {
    this.in = in;
    this.results = new Results(new BufferedOutputStream(out, 1 << 14));
    this.out = new PrintStream(results, false, StandardCharsets.UTF_8);
    this.err = new PrintStream(err, true, StandardCharsets.UTF_8);
    this.inIsTerminal = inIsTerminal;
    this.outIsTerminal = outIsTerminal;
    this.errIsTerminal = errIsTerminal;
  }

  /** The process's own streams. */
  static Console system() {
    return new Console(
        new FileInputStream(FileDescriptor.in),
        new FileOutputStream(FileDescriptor.out),
        new FileOutputStream(standardError()),
        isTerminal("stdin"),
        isTerminal("stdout"),
        isTerminal("stderr"));
  }

  /** Streams that lead to no terminal. */
  static Console of(InputStream in, OutputStream out, OutputStream err) {
    return new Console(in, out, err, false, false, false);
  }

  /**
   * The launcher filters what the JVM says on standard error and hands over the unfiltered one as
   * another descriptor. Java can open that only by its number, for which the launcher opens the
   * package; where it does not, the filtered one serves as well.
   */
  private static FileDescriptor standardError() {
    String number = System.getProperty("llada.stderr.fd");
    if (number == null) {
      return FileDescriptor.err;
    }
    try {
      Constructor<FileDescriptor> byNumber = FileDescriptor.class.getDeclaredConstructor(int.class);
      byNumber.setAccessible(true);
      return byNumber.newInstance(Integer.parseInt(number));
    } catch (ReflectiveOperationException | RuntimeException _) {
      return FileDescriptor.err;
    }
  }

  /**
   * The launcher says what each stream is: Java can only tell of input and output together, and
   * standard error passes through the launcher's filter.
   */
  @SuppressWarnings("SystemConsoleNull") // it does return null in JDK 25 when not interactive
  private static boolean isTerminal(String stream) {
    String told = System.getProperty("llada." + stream + ".tty");
    return told != null
        ? Boolean.parseBoolean(told)
        : System.console() != null && System.console().isTerminal();
  }

  /** Standard input. */
  InputStream in() {
    return in;
  }

  /** Where results go; {@link #flush} when a result is complete. */
  PrintStream out() {
    return out;
  }

  /** Where messages go; every line is flushed. */
  PrintStream err() {
    return err;
  }

  /** Whether a person types the input. */
  boolean inIsTerminal() {
    return inIsTerminal;
  }

  /** Whether a person sees the results. */
  boolean outIsTerminal() {
    return outIsTerminal;
  }

  /** Whether a person sees the messages. */
  boolean errIsTerminal() {
    return errIsTerminal;
  }

  /** Whether escape sequences make sense on standard output. */
  boolean canDraw() {
    return outIsTerminal && !"dumb".equals(System.getenv("TERM"));
  }

  /** Whether colours are welcome; see no-color.org. */
  boolean colour() {
    String no = System.getenv("NO_COLOR");
    return canDraw() && (no == null || no.isEmpty());
  }

  /** One message for the user, on one line under the program's name. */
  void message(String text) {
    err.println("llada: " + line(text));
    err.flush();
  }

  /**
   * A message as one line that is not too long and does nothing to a terminal, whatever a file or
   * an argument has put into it. The middle of a long one is left out: a file's name stands at the
   * beginning, the remedy at the end.
   */
  static String line(String text) {
    String line = cut(text.strip()).replaceAll("\\s*\\R\\s*", " ");
    return cut(FormatException.printable(line));
  }

  private static String cut(String text) {
    return text.length() <= LONGEST
        ? text
        : text.substring(0, LONGEST - 250) + " … " + text.substring(text.length() - 240);
  }

  /**
   * Flushes the results.
   *
   * @throws OutputException if any of them could not be written
   */
  void flush() {
    out.flush();
    if (results.failure != null && !failureTold) {
      failureTold = true; // what is still buffered will fail again; one message is enough
      throw new OutputException(results.failure);
    }
  }

  /** Remembers why a write failed, which PrintStream forgets. */
  private static final class Results extends FilterOutputStream {
    private IOException failure;

    Results(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      try {
        out.write(bytes, from, length);
      } catch (IOException e) {
        throw remember(e);
      }
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void flush() throws IOException {
      try {
        out.flush();
      } catch (IOException e) {
        throw remember(e);
      }
    }

    private IOException remember(IOException e) {
      if (failure == null) {
        failure = e;
      }
      return e;
    }
  }

  /** Standard output failed: closed by its reader, or on a full disk. */
  static final class OutputException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean closed;

    OutputException(IOException cause) {
      super("cannot write to standard output: " + cause.getMessage(), cause);
      String text = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
      this.closed = text.contains("broken pipe") || text.contains("pipe is being closed");
    }

    /** Whether the reader went away, which is no error worth a message. */
    boolean closed() {
      return closed;
    }
  }
}
