package llada.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import llada.api.AnswerText;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/**
 * Where a conversation takes place: a terminal with an edited line, or plain streams, one line a
 * turn.
 */
final class ChatTerminal implements AutoCloseable {
  private static final String PROMPT = "> ";

  /** What was read. */
  sealed interface Input {
    /** A line. */
    record Line(String text) implements Input {}

    /** Nothing more comes: end of input, Ctrl-D. */
    record End() implements Input {}

    /** Ctrl-C on an empty line. */
    record Interrupted() implements Input {}
  }

  private final Console console;
  private final Terminal terminal;
  private final LineReader editor;
  private final BufferedReader plain;

  private ChatTerminal(
      Console console, Terminal terminal, LineReader editor, BufferedReader plain) {
    this.console = console;
    this.terminal = terminal;
    this.editor = editor;
    this.plain = plain;
  }

  /** A terminal if there is one on both sides, else plain streams. */
  static ChatTerminal open(Console console) {
    if (!console.inIsTerminal() || !console.canDraw()) {
      return new ChatTerminal(
          console,
          null,
          null,
          new BufferedReader(new InputStreamReader(console.in(), StandardCharsets.UTF_8)));
    }
    try {
      Terminal terminal = TerminalBuilder.builder().system(true).dumb(true).build();
      LineReader editor =
          LineReaderBuilder.builder()
              .terminal(terminal)
              .appName("llada")
              .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true) // "!" is only a "!"
              .build();
      return new ChatTerminal(console, terminal, editor, null);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whether a person sees what happens. */
  boolean interactive() {
    return terminal != null;
  }

  /** Reads the next line. */
  Input read() {
    if (terminal == null) {
      try {
        String line = plain.readLine();
        return line == null ? new Input.End() : new Input.Line(line);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    try {
      return new Input.Line(editor.readLine(PROMPT));
    } catch (UserInterruptException e) {
      return e.getPartialLine().isEmpty() ? new Input.Interrupted() : new Input.Line("");
    } catch (EndOfFileException _) {
      return new Input.End();
    }
  }

  /** Runs {@code onInterrupt} at Ctrl-C, from now on while no line is being read. */
  void onInterrupt(Runnable onInterrupt) {
    if (terminal != null) {
      terminal.handle(Terminal.Signal.INT, _ -> onInterrupt.run());
    }
  }

  /** Shows an answer while it is made. */
  StepView view() {
    return terminal == null ? StepView.none() : StepViews.drawing(console, terminal);
  }

  /** Writes an answer. */
  void answer(String text) {
    console.out().println(terminal == null ? text : AnswerText.printable(text));
    console.flush();
  }

  /**
   * A remark about the conversation. On a terminal it keeps its place among the answers; else it
   * goes where messages go.
   */
  void remark(String text) {
    if (terminal == null) {
      console.err().println(text);
      return;
    }
    console.out().println(console.colour() ? "\u001b[2m" + text + "\u001b[0m" : text);
    console.flush();
  }

  Console console() {
    return console;
  }

  @Override
  public void close() {
    StepViews.close(terminal);
  }
}
