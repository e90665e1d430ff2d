package llada.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import llada.diffusion.Generation;
import llada.diffusion.SamplerOptions;
import llada.tokenizer.ChatTemplate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** One answer to one prompt. */
@Command(
    name = "generate",
    description = {
      "Write an answer to a prompt.",
      "",
      "The answer begins as a row of masks; every step predicts all of them and keeps the best.",
      "The text goes to standard output, up to the first end token; a line of figures goes to",
      "standard error. Text before the answer is the prompt as it stands: for a model that was",
      "trained to follow instructions add --chat, which frames it by the model's chat template."
    },
    footer = {
      "  llada generate \"ROMEO:\"",
      "  llada generate --show-steps --gen-length 64 --steps 32 \"ROMEO:\"",
      "  llada generate -m LLaDA-8B-Instruct --chat --block-length 32 \"What is a mask?\"",
      "  llada generate --json --seed 7 --temperature 0.5 --prompt-file prompt.txt | jq -r .text",
      "  echo \"JULIET:\" | llada generate --remasking random"
    })
final class GenerateCommand implements Callable<Integer> {
  @ParentCommand private RootCommand root;

  @Mixin private PromptSource prompt;

  @Option(
      names = "--chat",
      description = "Frame the prompt as a user's turn by the model's chat template.")
  private boolean chat;

  @Option(
      names = "--raw",
      description = "Do not frame the prompt; the default, here so that scripts can say it.")
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
      names = "--json",
      description =
          "Write one JSON object to standard output: text, tokens, options, seed and times.")
  private boolean json;

  @Option(
      names = {"-q", "--quiet"},
      description = "Leave out the line of figures.")
  private boolean quiet;

  @Mixin private ModelOptions model;
  @Mixin private SamplerFlags sampler;
  @Mixin private BackendOptions computation;

  @Override
  public Integer call() {
    if (raw && chat) {
      throw new UsageException("--raw and --chat exclude each other: leave one out");
    }
    if (system != null && !chat) {
      throw new UsageException("--system needs --chat, which frames the prompt");
    }
    SamplerOptions options = sampler.forGenerate();
    Console console = root.console();
    String text = prompt.read(console);
    try (Session session = Session.open(model, computation)) {
      int[] ids = chat ? framed(text, session) : session.tokenizer().encode(text);
      Answer answer = answer(ids, options, session, console);
      if (json) {
        GenerationJson.write(console.out(), text, ids, answer, options, sampler.seed(), session);
      } else {
        console.out().println(console.outIsTerminal() ? safe(answer.text()) : answer.text());
      }
      console.flush();
      if (!quiet) {
        console.err().println(answer.closingLine(session, sampler.seed()));
      }
      return ExitCodes.OK;
    }
  }

  private Answer answer(int[] ids, SamplerOptions options, Session session, Console console) {
    AnswerText text = session.drawable();
    try (StepViews views = StepViews.of(console, showSteps, json);
        StepView view = views.view(text, ids.length);
        LastWords words = LastWords.onExit(console, view)) {
      Generation generation = session.generate(ids, options, sampler.seed(), words.watch(view));
      view.finished();
      return Answer.of(generation, session);
    }
  }

  private int[] framed(String text, Session session) {
    List<ChatTemplate.Message> messages = new ArrayList<>();
    if (system != null) {
      messages.add(new ChatTemplate.Message("system", system));
    }
    messages.add(new ChatTemplate.Message("user", text));
    return session.checkpoint().chatTemplate().encode(session.tokenizer(), messages);
  }

  private static String safe(String text) {
    return AnswerText.printable(text);
  }
}
