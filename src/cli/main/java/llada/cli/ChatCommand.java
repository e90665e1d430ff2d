package llada.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import llada.api.Chat;
import llada.api.Llada;
import llada.diffusion.SamplerOptions;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tokenizer.ChatTemplate.Message;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A conversation. */
@Command(
    name = "chat",
    description = {
      "Talk with a model; every answer is drawn while it is unmasked.",
      "",
      "Lines are framed by the model's chat template, all earlier turns before them. With --raw the",
      "text is not framed: the model goes on with what both have written. From a pipe, every line",
      "of standard input is a turn and every answer goes to standard output.",
      "",
      "Ctrl-C stops an answer; on an empty line it leaves, as Ctrl-D and /quit do. In the",
      "conversation, /help lists the commands that change length, steps and temperature or save it."
    },
    footer = {
      "  llada chat -m LLaDA-8B-Instruct",
      "  llada chat -m LLaDA-8B-Instruct --gen-length 256 --block-length 32 --system \"Be brief.\"",
      "  printf 'Who are you?\\nWhy?\\n' | llada chat -m LLaDA-8B-Instruct",
      "  llada chat --raw --gen-length 64"
    })
final class ChatCommand implements Callable<Integer> {
  private final CommandContext context;

  @Option(names = "--raw", description = "Do not frame the turns by a chat template.")
  private boolean raw;

  @Option(names = "--system", paramLabel = "TEXT", description = "A system message before all.")
  private String system;

  @Mixin private ServerOption server;
  @Mixin private ModelOptions model;
  @Mixin private SamplerFlags sampler;
  @Mixin private BackendOptions computation;

  ChatCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (raw && system != null) {
      throw new UsageException("--system needs a chat template and --raw does without: drop one");
    }
    SamplerOptions options = sampler.forChat();
    Console console = context.console();
    if (server.given()) {
      return remote(options, console);
    }
    try (OpenModel opened = OpenModel.open(model, computation);
        ChatTerminal terminal = ChatTerminal.open(console)) {
      Llada llada = opened.llada();
      try (Chat conversation =
          raw
              ? llada.rawConversation()
              : system == null ? llada.conversation() : llada.conversation(system)) {
        return new ChatLoop(llada, terminal, conversation, options, sampler.seed()).run();
      }
    }
  }

  /** A conversation with a server, which is sent all of its turns with each. */
  private int remote(SamplerOptions options, Console console) {
    if (model.given() || raw) {
      throw new UsageException("--server goes without --model and --raw");
    }
    List<Message> messages = new ArrayList<>();
    if (system != null) {
      messages.add(new Message("system", system));
    }
    try (RemoteServer asked = server.open();
        ChatTerminal terminal = ChatTerminal.open(console)) {
      for (long turn = 0; true; turn++) {
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
            if (!line.isBlank()) {
              messages.add(new Message("user", line));
              long seed = RandomStreams.seed(sampler.seed(), Purpose.TURN, turn);
              String answer = asked.chat(messages, options, seed);
              messages.add(new Message("assistant", answer));
              terminal.answer(answer);
            }
          }
        }
      }
    }
  }
}
