package llada.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.LogLikelihood;
import llada.evaluation.ItemLoop;
import llada.evaluation.ScoreTask;
import llada.evaluation.TextScorer;
import llada.format.JsonLine;
import llada.train.Processes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How likely the model finds a text. */
@Command(
    name = "score",
    description = {
      "Estimate how likely a text is: a bound on its negative log-likelihood.",
      "",
      "The bound of LLaDA's eq. 6 (or eq. 3): some tokens are masked, the model guesses them, many",
      "times over. Shown per token, as bits, per byte (which compares across tokenizers) and as",
      "perplexity, each with the standard error of the estimate. The true perplexity of the model",
      "is at most the one shown. Texts longer than the model takes are scored in windows, each",
      "after the tokens before it."
    },
    footer = {
      "  llada score \"To be, or not to be, that is the question\"",
      "  llada score --after \"A cow says\" \" moo.\"",
      "  llada score --prompt-file play.txt --mc-num 32 --json",
      "  llada score --input texts.jsonl --output scores.jsonl"
    })
final class ScoreCommand implements Callable<Integer> {
  private final CommandContext context;

  @Mixin private PromptSource text;

  @Option(
      names = "--after",
      paramLabel = "CONTEXT",
      description = "Text before it that is given, not scored.")
  private String after;

  @Option(
      names = "--input",
      paramLabel = "FILE",
      description =
          "Score many texts: JSON lines with \"text\", or \"prompt\" and \"response\" (only the response"
              + " is scored), and, if you like, \"id\".")
  private Path input;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description =
          "Where their scores go, a JSON line each as soon as it is there; started again, the command"
              + " goes on. Default: standard output.")
  private Path output;

  @Option(
      names = "--window",
      paramLabel = "N",
      description =
          "Tokens scored together of a text that is longer than the model takes, after as many"
              + " as fit before them. Default: half of max_sequence_length.")
  private Integer window;

  @Option(
      names = "--cfg-scale",
      paramLabel = "X",
      defaultValue = "0",
      description = "Classifier-free guidance; needs a given text before. Default: 0.")
  private double cfgScale;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed of the masks. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(names = "--json", description = "Write one JSON object to standard output.")
  private boolean json;

  @Option(
      names = {"-q", "--quiet"},
      description = "Leave out progress.")
  private boolean quiet;

  @Mixin private LikelihoodFlags likelihood;
  @Mixin private ModelOptions model;
  @Mixin private BackendOptions computation;

  ScoreCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    LikelihoodOptions options = likelihood.over(LikelihoodOptions.DEFAULT, cfgScale);
    Console console = context.console();
    if (output != null && input == null) {
      throw new UsageException("--output needs --input, a file of texts");
    }
    if (input != null && (text.given() || after != null)) {
      throw new UsageException("--input brings the texts: leave the text and --after out");
    }
    if (input != null) {
      return Together.run(processes -> scoreAll(options, processes));
    }
    String one = text.read(console);
    try (OpenModel opened = OpenModel.open(model, computation)) {
      TextScorer scorer = new TextScorer(opened.llada(), options, window, seed);
      TextScorer.Score score = scorer.score(after == null ? "" : after, one);
      if (json) {
        JsonLine.write(console.out(), out -> write(out, score, options));
      } else {
        console.out().println(text(score));
      }
      return ExitCodes.OK;
    }
  }

  private void scoreAll(LikelihoodOptions options, Processes processes) {
    Console console = context.console();
    try (OpenModel opened = OpenModel.open(model, computation)) {
      ScoreTask task = new ScoreTask(input, new TextScorer(opened.llada(), options, window, seed));
      String settings = opened.llada().fingerprint("score", options, seed, window);
      ItemLoop.requireDifferentIds(task, input);
      new ItemProgress(console, quiet, !json, processes).run(task, output, settings, 1);
      if (processes.first()) {
        summary(task, options, console);
      }
    }
  }

  private void summary(ScoreTask task, LikelihoodOptions options, Console console) {
    if (task.size() == 0) {
      return;
    }
    TextScorer.Score total = task.total(Optional.ofNullable(output));
    if (json) {
      JsonLine.write(
          console.out(),
          out -> {
            out.writeNumberField("texts", task.size());
            write(out, total, options);
          });
    } else {
      console.err().println("%d texts: %s".formatted(task.size(), text(total)));
    }
  }

  private void write(JsonGenerator out, TextScorer.Score score, LikelihoodOptions options)
      throws IOException {
    score.write(out);
    out.writeNumberField("forward_passes", score.likelihood().forwardPasses());
    out.writeObjectFieldStart("options");
    LikelihoodFlags.write(out, options);
    out.writeNumberField("seed", seed);
    out.writeEndObject();
  }

  private static String text(TextScorer.Score score) {
    LogLikelihood bound = score.likelihood();
    double error = bound.standardError() / bound.tokens();
    return String.format(
        Locale.ROOT,
        "%d tokens: at most %.4f%s nats per token (%.4f bits per token, %.4f bits per byte), perplexity at most %.3f%s",
        bound.tokens(),
        bound.natsPerToken(),
        plusMinus(error, 4),
        bound.natsPerToken() / Math.log(2),
        score.bitsPerByte(),
        bound.perplexity(),
        plusMinus(bound.perplexityError(), 3));
  }

  private static String plusMinus(double error, int digits) {
    return Double.isNaN(error) ? "" : String.format(Locale.ROOT, " +- %." + digits + "f", error);
  }
}
