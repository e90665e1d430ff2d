package llada.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import llada.train.Trainer;
import picocli.CommandLine.Option;

/** Where training data comes from and goes to, and what is told; nothing that changes a weight. */
final class TrainOptions {
  @Option(
      names = "--data",
      paramLabel = "PATH",
      arity = "1..*",
      description =
          "Text files, JSON lines or arrays (\"text\"; or chats as OpenAI, ShareGPT or Alpaca have"
              + " them, or \"prompt\" and \"response\"), or folders of them. A line <|endoftext|> ends"
              + " a document.")
  List<Path> data;

  @Option(
      names = {"-o", "--out"},
      paramLabel = "DIR",
      description = "The run's folder: checkpoints, loss.csv, loss.svg, and at the end the model.")
  Path out;

  @Option(
      converter = ModelPath.class,
      names = {"-m", "--model"},
      paramLabel = "DIR",
      description =
          "Go on from this model, a Hugging Face folder or a GGUF file. Default: a new model.")
  Path model;

  @Option(
      names = "--tokenizer",
      paramLabel = "DIR",
      description =
          "Folder with tokenizer.json. Default: the model's; without a model one of --vocab tokens"
              + " is trained on the data first.")
  Path tokenizer;

  @Option(
      names = "--resume",
      description =
          "Go on from the newest checkpoint in --out, with the settings of the run, also of how often"
              + " it saves, validates and samples: the result is bit for bit that of a run that was"
              + " never cut off.")
  boolean resume;

  @Option(
      names = "--save-every",
      paramLabel = "N",
      description = "Steps between checkpoints. Default: a twentieth of --steps.")
  Long saveEvery;

  @Option(
      names = "--keep",
      paramLabel = "N",
      description =
          "Checkpoints that stay, beside the one with the lowest validation bound. Default: 2.")
  Integer keep;

  @Option(
      names = "--publish",
      paramLabel = "WHICH",
      defaultValue = "last",
      description =
          "Which weights are the finished model or adapter: last, or best, of the checkpoint with"
              + " the lowest validation bound; also of a finished run, with --resume. Default:"
              + " ${DEFAULT-VALUE}.")
  private String publish;

  @Option(
      names = "--validate-every",
      paramLabel = "N",
      description = "Steps between validations; 0 for never. Default: a twentieth of --steps.")
  Long validateEvery;

  @Option(
      names = "--validate-sequences",
      paramLabel = "N",
      description = "Held-out sequences that are used. Default: 32.")
  Integer validateSequences;

  @Option(
      names = "--sample-every",
      paramLabel = "N",
      description = "Steps between sample texts; 0 for never. Default: a tenth of --steps.")
  Long sampleEvery;

  @Option(
      names = "--sample-prompt",
      paramLabel = "TEXT",
      defaultValue = "",
      description = "What sample texts begin with; of chats, the question.")
  String samplePrompt;

  @Option(
      names = "--recompute",
      description =
          "Keep fewer activations: less memory for a third more work, same result. Adapters are"
              + " always trained so.")
  boolean recompute;

  @Option(
      names = {"-q", "--quiet"},
      description = "Say nothing on the way.")
  boolean quiet;

  /** Whether the best weights are published, and not the last. */
  boolean best() {
    if (!publish.equals("best") && !publish.equals("last")) {
      throw new UsageException("--publish is '%s'; it must be best or last".formatted(publish));
    }
    return publish.equals("best");
  }

  /**
   * When to do what is no step.
   *
   * @param before the schedule of the run that goes on
   */
  Trainer.Schedule schedule(long steps, Optional<Trainer.Schedule> before) {
    Trainer.Schedule usual = before.orElseGet(() -> Trainer.Schedule.usual(steps));
    try {
      return new Trainer.Schedule(
          saveEvery == null ? usual.save() : saveEvery,
          keep == null ? usual.keep() : keep,
          validateEvery == null ? usual.validate() : validateEvery,
          validateSequences == null ? usual.validationSequences() : validateSequences,
          sampleEvery == null ? usual.sample() : sampleEvery);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
  }
}
