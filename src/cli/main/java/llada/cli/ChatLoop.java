package llada.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import llada.api.Answer;
import llada.api.Chat;
import llada.api.Llada;
import llada.api.Next;
import llada.api.RequestException;
import llada.api.Step;
import llada.diffusion.Decoder;
import llada.diffusion.SamplerOptions;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/** Reads lines, answers them and obeys the commands that begin with a slash. */
final class ChatLoop {
  private static final String HELP =
      """
      /length N       tokens of an answer; steps follow
      /steps N        denoising steps of an answer, which the exact sampler then takes
      /block N        tokens unmasked together
      /temperature X  0 takes the likeliest
      /clear          forget the conversation
      /save FILE      write the conversation to FILE as Markdown
      /quit           leave; also Ctrl-D
      Ctrl-C stops an answer.\
      """;

  private final Llada llada;
  private final ChatTerminal terminal;
  private final Chat conversation;
  private final AtomicBoolean stop = new AtomicBoolean();
  private SamplerOptions options;
  private final long seed;
  private long turns;

  ChatLoop(
      Llada llada, ChatTerminal terminal, Chat conversation, SamplerOptions options, long seed) {
    this.llada = llada;
    this.terminal = terminal;
    this.conversation = conversation;
    this.options = options;
    this.seed = seed;
  }

  /** Talks until the user leaves, and returns the exit code. */
  int run() {
    terminal.onInterrupt(this::interrupt);
    if (terminal.interactive()) {
      terminal.remark(
          "%s, %s\n%s; seed %d; /help shows the commands"
              .formatted(
                  llada.checkpoint().path(),
                  llada.checkpoint().format(),
                  llada.backend().why(),
                  seed));
    }
    while (true) {
      switch (terminal.read()) {
        case ChatTerminal.Input.End _ -> {
          return ExitCodes.OK;
        }
        case ChatTerminal.Input.Interrupted _ -> {
          return ExitCodes.INTERRUPTED;
        }
        case ChatTerminal.Input.Line(String line) -> {
          if (line.strip().equals("/quit")) {
            return ExitCodes.OK;
          }
          turn(line);
        }
      }
    }
  }

  /** The first Ctrl-C asks the answer to stop after its step, the second ends the process. */
  private void interrupt() {
    if (stop.getAndSet(true)) {
      System.exit(ExitCodes.INTERRUPTED);
    }
  }

  /** One line. What is wrong with it is said, and the conversation goes on. */
  private void turn(String line) {
    try {
      if (line.startsWith("/")) {
        command(line.strip());
      } else if (!line.isBlank()) {
        answer(line);
      }
    } catch (UsageException e) {
      terminal.remark("llada: " + e.getMessage());
    }
  }

  private void answer(String line) {
    stop.set(false);
    try (StepView view = terminal.view();
        LastWords words = LastWords.onExit(terminal.console(), view)) {
      Function<Step, Next> watch = words.watch();
      Answer answer =
          conversation.say(
              line,
              request ->
                  request
                      .options(options)
                      .seed(RandomStreams.seed(seed, Purpose.TURN, turns))
                      .onStep(step -> stop.get() ? Next.STOP : watch.apply(step)));
      if (answer.end() == Answer.End.STOPPED) {
        terminal.remark("stopped; this turn is not part of the conversation");
      } else {
        view.finished();
        terminal.answer(answer.text());
        terminal.remark(answer.summary());
      }
    } catch (RequestException e) { // prompt and answer are too long together
      terminal.remark("llada: %s (/length N), or /clear".formatted(e.getMessage()));
    }
    turns++;
  }

  private void command(String line) {
    String[] words = line.split("\\s+", 2);
    String argument = words.length > 1 ? words[1] : "";
    switch (words[0]) {
      case "/help" -> terminal.remark(HELP);
      case "/clear" -> {
        conversation.clear();
        terminal.remark("the conversation is forgotten");
      }
      case "/length" -> lengths(number(words[0], argument), null, null);
      case "/steps" -> lengths(options.genLength(), number(words[0], argument), null);
      case "/block" -> lengths(options.genLength(), options.steps(), number(words[0], argument));
      case "/temperature" -> {
        options =
            checked(() -> options.toBuilder().temperature(decimal(words[0], argument)).build());
        terminal.remark("temperature " + options.temperature());
      }
      case "/save" -> save(argument);
      default -> throw new UsageException(words[0] + " is no command; /help lists them");
    }
  }

  private void lengths(int length, Integer steps, Integer block) {
    int kept =
        length == options.genLength() ? options.blockLength() : SamplerFlags.chatBlock(length);
    options =
        checked(
            () ->
                options.toBuilder()
                    .lengths(steps == null ? length : steps, length, block == null ? kept : block)
                    .decoder(steps == null ? options.decoder() : Decoder.exact())
                    .build());
    terminal.remark(
        "length %d, steps %d, block %d"
            .formatted(options.genLength(), options.steps(), options.blockLength()));
  }

  /** Makes options whose constructor checks the rules between them. */
  private interface Choice {
    SamplerOptions make();
  }

  private static SamplerOptions checked(Choice choice) {
    try {
      return choice.make();
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
  }

  private static int number(String command, String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException _) {
      throw new UsageException("%s needs a whole number, as in %s 64".formatted(command, command));
    }
  }

  private static double decimal(String command, String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException _) {
      throw new UsageException("%s needs a number, as in %s 0.5".formatted(command, command));
    }
  }

  private void save(String file) {
    if (file.isEmpty()) {
      throw new UsageException("/save needs a file, as in /save talk.md");
    }
    try {
      AtomicFile.write(Path.of(file), conversation.markdown().getBytes(StandardCharsets.UTF_8));
      terminal.remark("saved %d turns to %s".formatted(conversation.turns(), file));
    } catch (InvalidPathException e) {
      throw new UsageException("/save: " + e.getMessage());
    } catch (FormatException e) {
      throw new UsageException("/save: " + e.getMessage());
    }
  }
}
