package llada.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import llada.api.Answer;
import llada.api.AnswerText;
import llada.api.Llada;
import llada.api.Request;
import llada.diffusion.SamplerOptions;
import llada.evaluation.GenerateTask;
import llada.evaluation.ItemLoop;
import llada.tokenizer.ChatTemplate.Message;
import llada.train.Processes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** One answer to one prompt. */
@Command(
    name = "generate",
    description = {
      "Write an answer to a prompt.",
      "",
      "The answer begins as a row of masks; every step predicts all of them and keeps the best.",
      "The text goes to standard output, up to the first end token; a line of figures goes to",
      "standard error. A model that is named gets the prompt as it stands: if it was trained to",
      "follow instructions add --chat, which frames the prompt by the model's chat template."
    },
    footer = {
      "  llada generate \"Write a story about a cat.\"",
      "  llada generate --show-steps --gen-length 64 --steps 32 \"Tell me a story about Mia.\"",
      "  llada generate -m LLaDA-8B-Instruct --chat --block-length 32 \"What is a mask?\"",
      "  llada generate --json --seed 7 --temperature 0.5 --prompt-file prompt.txt | jq -r .text",
      "  echo \"What is the opposite of hot?\" | llada generate --remasking random",
      "  llada generate --input prompts.jsonl --output answers.jsonl --batch-size 8",
      "  mpirun -np 4 llada generate --input prompts.jsonl --output answers.jsonl"
    })
final class GenerateCommand implements Callable<Integer> {
  private final CommandContext context;

  @Mixin private PromptSource prompt;

  @Option(
      names = "--chat",
      description =
          "Frame the prompt as a user's turn by the model's chat template. The default for the model"
              + " that comes with LLaDA.java.")
  private boolean chat;

  @Option(
      names = "--raw",
      description = "Do not frame the prompt. The default for a model that is named.")
  private boolean raw;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "A system message before the prompt; needs --chat.")
  private String system;

  @Option(
      names = "--show-steps",
      description =
          "Draw the text while it is unmasked; where standard output is no terminal, write a line"
              + " for every step to standard error.")
  private boolean showSteps;

  @Option(
      names = "--svg",
      paramLabel = "FILE",
      description = "Write an animated picture of the text being unmasked, as SVG.")
  private Path svg;

  @Option(
      names = "--json",
      description =
          "Write one JSON object to standard output: text, tokens, options, seed and times.")
  private boolean json;

  @Option(
      names = {"-q", "--quiet"},
      description = "Leave out the line of figures.")
  private boolean quiet;

  @Option(
      names = "--input",
      paramLabel = "FILE",
      description =
          "Answer many prompts: JSON lines with \"prompt\" (or, with --chat, \"messages\") and, if you"
              + " like, \"id\".")
  private Path input;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description =
          "Where their answers go, a JSON line each as soon as it is there. Started again, the"
              + " command goes on: ids that are answered are passed over. Default: standard output.")
  private Path output;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Prompts answered together, shorter ones padded on the left. On a processor an answer is"
              + " the one that a prompt gets alone. Default: ${DEFAULT-VALUE}.")
  private int batchSize;

  @Mixin private ServerOption server;
  @Mixin private ModelOptions model;
  @Mixin private SamplerFlags sampler;
  @Mixin private BackendOptions computation;

  GenerateCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (raw && chat) {
      throw new UsageException("--raw and --chat exclude each other: leave one out");
    }
    // The bundled one was trained on chats, and a server is asked for one.
    boolean likeChat = !raw && (model.embedded() || server.given());
    chat |= likeChat;
    if (system != null && !chat) {
      throw new UsageException("--system needs --chat, which frames the prompt");
    }
    SamplerOptions options = sampler.forGenerate(likeChat);
    Console console = context.console();
    if (input != null) {
      return Together.run(processes -> answerAll(options, processes));
    }
    if (output != null || batchSize != 1) {
      throw new UsageException("--output and --batch-size need --input, a file of prompts");
    }
    String text = prompt.read(console);
    if (server.given()) {
      return remote(text, options, console);
    }
    try (OpenModel opened = OpenModel.open(model, computation)) {
      Request request = framed(Request.of(text)).options(options).seed(sampler.seed());
      Answer answer = answer(request, opened.llada(), console);
      if (json) {
        GenerationJson.write(console.out(), text, request, options, answer, opened);
      } else {
        console.out().println(console.outIsTerminal() ? safe(answer.text()) : answer.text());
      }
      console.flush();
      if (!quiet) {
        console.err().println(opened.closingLine(answer, sampler.seed()));
        if (!chat && !raw && opened.llada().hasChatTemplate()) {
          console.message(
              "the prompt was not framed, though the model has a chat template: --chat frames it as"
                  + " a user's turn, --raw leaves this line out");
        }
      }
      return ExitCodes.OK;
    }
  }

  /** The answer of a server, which has the model open already. */
  private int remote(String text, SamplerOptions options, Console console) {
    if (model.given() || json || showSteps || svg != null) {
      throw new UsageException("--server goes without --model, --json, --show-steps and --svg");
    }
    try (RemoteServer asked = server.open()) {
      List<Message> messages = new ArrayList<>();
      if (system != null) {
        messages.add(new Message("system", system));
      }
      messages.add(new Message("user", text));
      String answer =
          chat
              ? asked.chat(messages, options, sampler.seed())
              : asked.complete(text, options, sampler.seed());
      console.out().println(console.outIsTerminal() ? safe(answer) : answer);
      console.flush();
      return ExitCodes.OK;
    }
  }

  private Request framed(Request request) {
    Request framed = chat ? request.chat() : request.raw();
    return system == null ? framed : framed.system(system);
  }

  private Answer answer(Request request, Llada llada, Console console) {
    try (StepViews views = StepViews.of(console, showSteps, json);
        StepView view = svg == null ? views.view() : new SvgStepView(views.view(), svg);
        LastWords words = LastWords.onExit(console, view)) {
      Answer answer = llada.generate(request.onStep(words.watch()));
      view.finished();
      return answer;
    }
  }

  private void answerAll(SamplerOptions options, Processes processes) {
    if (prompt.given() || svg != null) {
      throw new UsageException("--input brings the prompts: leave the text and --svg out");
    }
    if (batchSize < 1) {
      throw new UsageException("--batch-size is %d; it must be at least 1".formatted(batchSize));
    }
    long seed = sampler.seed(1); // not drawn: the command can be taken up again
    try (OpenModel opened = OpenModel.open(model, computation)) {
      Llada llada = opened.llada();
      GenerateTask task = new GenerateTask(llada, input, this::framed, options, seed);
      String settings = llada.fingerprint("generate", options, seed, chat, system);
      ItemLoop.requireDifferentIds(task, input);
      new ItemProgress(context.console(), quiet, true, processes)
          .run(task, output, settings, batchSize);
    }
  }

  private static String safe(String text) {
    return AnswerText.printable(text);
  }
}
