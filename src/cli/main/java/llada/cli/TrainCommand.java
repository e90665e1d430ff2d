package llada.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import llada.backend.Backend;
import llada.checkpoint.Checkpoint;
import llada.diffusion.SettingException;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.train.DemoRecipe;
import llada.train.LearningRate;
import llada.train.Processes;
import llada.train.RunFolder;
import llada.train.TrainingConfig;
import llada.train.TrainingConfigText;
import llada.train.TrainingRun;
import llada.train.TrainingState;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Training, from text to a model. */
@Command(
    name = "train",
    description = {
      "Train a LLaDA: on texts, on chats (--sft), or adapters of a model (--lora-rank).",
      "",
      "Loss, rate, speed and time left are told on the way and kept in loss.csv and loss.svg.",
      "In several processes, each with its share of the batch, it runs under Open MPI's mpirun.",
      "Checkpoints are Hugging Face folders with the optimizer's state; a run that was cut off, at",
      "whatever moment, goes on with --resume. At the end DIR/model holds the model.",
      "",
      "Adapters are trained beside a model of any type, quantised too, which stays in its file."
          + " Its",
      "products run forward as in inference, and gradients go back through it in bfloat16 where"
          + " the",
      "CPU has that; --exact is float32 throughout. DIR/adapter is the adapter, as PEFT",
      "has it: give it to other commands as --adapter, or merge it with convert --adapter."
    },
    footer = {
      "  llada train --data shakespeare.txt --vocab 1024 --dim 192 --steps 2000 -o run",
      "  llada train --resume -o run",
      "  mpirun -np 2 llada train --data shakespeare.txt --batch 8 -o run",
      "  llada train --sft --data chats.jsonl --model run/model --lr 1e-4 -o chat-run",
      "  llada train --sft --data chats.jsonl --model llada-8b.gguf --lora-rank 8 -o tuned",
      "  llada train --recipe demo -o demo",
      "  llada chat --model chat-run/model",
      "  llada chat --model llada-8b.gguf --adapter tuned/adapter"
    })
final class TrainCommand implements Callable<Integer> {
  private final CommandContext root;
  @Spec private CommandSpec spec;

  @Mixin private TrainOptions options;
  @Mixin private TrainSettings settings;
  @Mixin private BackendOptions computation;

  @Option(
      names = "--recipe",
      paramLabel = "NAME",
      description =
          "demo: make chats and texts, and train the tokenizer and the model that comes with"
              + " LLaDA.java on them. demo-twin: the same, but from left to right, to compare. Run"
              + " again to go on.")
  private String recipe;

  @Option(
      names = "--recipe-scale",
      paramLabel = "X",
      defaultValue = "1",
      description = "Share of the recipe's steps, for a trial. Default: ${DEFAULT-VALUE}.")
  private double recipeScale;

  TrainCommand(CommandContext root) {
    this.root = root;
  }

  @Override
  public Integer call() {
    if (options.out == null) {
      throw new UsageException("-o is missing; pass -o DIR, the run's folder");
    }
    if (recipe != null) {
      return recipe();
    }
    return Together.run(processes -> train(new RunFolder(options.out), processes));
  }

  private void train(RunFolder run, Processes processes) {
    Optional<Path> latest = run.latest();
    if (!options.resume && latest.isPresent()) {
      throw new UsageException(
          "%s holds a run already, at %s: pass --resume to go on with it, or another -o"
              .formatted(options.out, latest.get().getFileName()));
    }
    if (options.resume && latest.isEmpty()) {
      throw new UsageException(
          "--resume: %s holds no checkpoint; start the run without --resume"
              .formatted(options.out));
    }
    if (!options.resume && options.data == null) {
      throw new UsageException("--data is missing; pass --data PATH, what to train on");
    }
    Path own = run.path().toAbsolutePath().normalize();
    if (options.model != null && options.model.toAbsolutePath().normalize().startsWith(own)) {
      throw new UsageException(
          "--model %s lies in the run's folder, where the trained model is to be; give another -o"
              .formatted(options.model));
    }
    // Settings that cannot be are told before anything is written.
    TrainingConfig config = options.resume ? null : started();
    try (DiskLock _ = processes.first() ? run.open() : null;
        Backend backend = computation.start()) {
      if (options.resume) {
        latest = processes.firstThenOthers(() -> whole(run));
        config = resumed(latest.get());
      }
      new TrainingRun(
              config,
              new TrainingRun.Places(
                  options.data, Optional.ofNullable(options.tokenizer), options.out),
              new TrainingRun.Conduct(
                  options.schedule(
                      config.extent().steps(),
                      latest.map(TrainingState::read).flatMap(TrainingState::schedule)),
                  options.samplePrompt,
                  options.recompute,
                  options.best()),
              backend,
              processes,
              latest,
              progress())
          .train()
          .ifPresent(result -> root.console().out().println(result.text()));
    } catch (IOException e) {
      throw new UncheckedIOException(e); // of the lock's file, which is closed
    }
  }

  private TrainProgress progress() {
    return new TrainProgress(root.console(), options.quiet);
  }

  private Optional<Path> whole(RunFolder run) {
    Optional<Path> found = run.latestWhole(root.console()::message);
    if (found.isEmpty()) {
      throw new FormatException(
          "--resume: %s holds no checkpoint that is whole; start a new run with another -o"
              .formatted(run.path()));
    }
    return found;
  }

  private TrainingConfig started() {
    Map<String, String> asked = settings.values(_ -> true);
    if (options.model != null) {
      asked.put(TrainingConfigText.MODEL, options.model.toString());
    }
    if (options.model != null && settings.lr == null) {
      asked.put(TrainingConfigText.name("--lr"), Double.toString(usualRate()));
    }
    return TrainingConfig.of(asked);
  }

  /** What suits the model that training goes on from. */
  private double usualRate() {
    try (Checkpoint model = Checkpoint.open(options.model)) {
      return LearningRate.usual(model.config().dModel(), settings.loraRank > 0);
    }
  }

  /**
   * The settings of the run, with what the command line says otherwise: the run then refuses it.
   */
  private TrainingConfig resumed(Path checkpoint) {
    TrainingState before = TrainingState.read(checkpoint);
    Map<String, String> all = before.config(checkpoint).settings();
    Map<String, String> given =
        settings.values(name -> spec.commandLine().getParseResult().hasMatchedOption(name));
    all.putAll(given);
    if (options.model != null && all.containsKey(TrainingConfigText.MODEL)) {
      all.put(TrainingConfigText.MODEL, options.model.toString());
    }
    TrainingConfig config = TrainingConfig.of(all);
    given.keySet().removeAll(config.settings().keySet());
    for (String name : given.keySet()) {
      throw new SettingException(
          name, " means nothing to the run in %s; leave it out".formatted(checkpoint));
    }
    if (options.data == null && before.settings().containsKey(TrainingState.DATA)) {
      options.data =
          before.settings().get(TrainingState.DATA).lines().map(path -> Path.of(path)).toList();
    }
    return config;
  }

  private int recipe() {
    boolean twin = recipe.equals("demo-twin");
    if (!twin && !recipe.equals("demo")) {
      throw new UsageException("--recipe is '%s'; there is demo, and demo-twin".formatted(recipe));
    }
    if (!(recipeScale > 0 && recipeScale <= 10)) {
      throw new UsageException(
          "--recipe-scale is %s; it must be above 0 and at most 10".formatted(recipeScale));
    }
    if (options.data != null || options.model != null || options.tokenizer != null) {
      throw new UsageException(
          "--recipe brings its own data, model and tokenizer: leave --data, --model and"
              + " --tokenizer out");
    }
    try (Backend backend = computation.start()) {
      new DemoRecipe(options.out, recipeScale, backend, progress(), root.console().out()::println)
          .run(twin);
    }
    return ExitCodes.OK;
  }
}
