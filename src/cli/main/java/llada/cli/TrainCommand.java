package llada.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import llada.backend.Backend;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.train.Processes;
import llada.train.RunFolder;
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
      "whatever moment, goes on with --resume. At the end DIR/model holds the model."
    },
    footer = {
      "  llada train --data shakespeare.txt --vocab 1024 --dim 192 --steps 2000 -o run",
      "  llada train --resume -o run",
      "  mpirun -np 2 llada train --data shakespeare.txt --batch 4 -o run",
      "  llada train --sft --data chats.jsonl --model run/model --lr 1e-4 -o chat-run",
      "  llada train --sft --data chats.jsonl --model LLaDA --lora-rank 8 -o adapter-run",
      "  llada train --recipe demo -o demo",
      "  llada chat --model chat-run/model"
    })
final class TrainCommand implements Callable<Integer> {
  private static final long SILENCE_NANOS = 5_000_000_000L;

  private final CommandContext root;
  @Spec private CommandSpec spec;

  @Mixin private TrainOptions options;
  @Mixin private TrainSettings settings;
  @Mixin private BackendOptions computation;

  @Option(
      names = "--recipe",
      paramLabel = "NAME",
      description =
          "demo: make a corpus, train the tokenizer and the model that comes with LLaDA.java on it,"
              + " fine-tune it, and report what it can. Run again to go on.")
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
    Processes processes = Processes.join();
    try {
      train(new RunFolder(options.out), processes);
    } catch (RuntimeException | Error e) {
      if (!processes.first()) {
        // The first process has most likely met the same: it speaks, and then ends this one.
        LockSupport.parkNanos(SILENCE_NANOS);
      }
      throw e;
    }
    processes.close(); // only at a good end: a process that fails is to take the others with it
    return ExitCodes.OK;
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
    try (DiskLock _ = processes.first() ? run.open() : null;
        Backend backend = computation.start()) {
      TrainSettings chosen = settings;
      if (options.resume) {
        latest = processes.firstThenOthers(() -> whole(run));
        chosen = resumed(RunFolder.state(latest.get()).settings(), latest.get());
      }
      train(chosen, backend, processes, latest);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // of the lock's file, which is closed
    }
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

  private void train(
      TrainSettings chosen, Backend backend, Processes processes, Optional<Path> checkpoint) {
    TrainRun.Result result =
        new TrainRun(root.console(), chosen, options, backend, processes, checkpoint).train();
    if (result != null) {
      root.console().out().println(text(result));
    }
  }

  static String text(TrainRun.Result result) {
    return result.validation() == null
        ? result.model().toString()
        : String.format(
            Locale.ROOT,
            "%s: validation bound %.4f nats/token, perplexity %.2f",
            result.model(),
            result.validation().nats(),
            result.validation().perplexity());
  }

  /** The settings of the run; what is given on the command line must agree with them. */
  private TrainSettings resumed(Map<String, String> before, Path checkpoint) {
    Map<String, String> given = settings.values();
    for (Map.Entry<String, String> entry : given.entrySet()) {
      String name = entry.getKey();
      boolean told = spec.commandLine().getParseResult().hasMatchedOption(name);
      if (told && !entry.getValue().equals(before.get(name))) {
        throw new UsageException(
            "%s is %s, but the run in %s was started with %s: leave it out to go on, or give another -o"
                .formatted(name, entry.getValue(), checkpoint, before.get(name)));
      }
    }
    if (options.data == null && before.get("data") != null) {
      List<Path> paths = new ArrayList<>();
      for (String path : before.get("data").split("\n")) {
        paths.add(Path.of(path));
      }
      options.data = paths;
    }
    if (options.model == null && before.get("model") != null) {
      options.model = Path.of(before.get("model"));
    }
    return TrainSettings.of(before);
  }

  private int recipe() {
    if (!recipe.equals("demo")) {
      throw new UsageException("--recipe is '%s'; there is demo".formatted(recipe));
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
      new DemoRecipe(root.console(), options, recipeScale, backend).run();
    }
    return ExitCodes.OK;
  }
}
