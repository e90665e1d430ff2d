package llada.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import llada.backend.Backend;
import llada.diffusion.ForwardProcess;
import llada.diffusion.Objective;
import llada.format.Disk;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.train.TrainingConfig.Extent;
import llada.train.TrainingConfig.HeldOut;
import llada.train.TrainingConfig.Masking;
import llada.train.TrainingConfig.Optimizer;
import llada.train.TrainingConfig.Shape;
import llada.train.TrainingConfig.Start;
import llada.train.TrainingConfig.Task;
import llada.train.demo.Lessons;

/**
 * The model that comes with LLaDA.java, from nothing: chats and texts, tokenizer, training. Its
 * twin has the same size, data, batches and steps, begins with the same weights, and learns to
 * write from left to right. The same command goes on where it was cut off.
 */
public final class DemoRecipe {
  private static final long SEED = 2026;
  private static final int LESSONS = 1_000_000;

  /**
   * The model and its twin both learn from left to right at first: asked token by token, they so
   * copied words of the question after some 2,000 steps (what they then write by themselves is
   * still mostly wrong); with masks from the beginning that took some 11,000.
   */
  private static final Stage START =
      new Stage("start", new Task.Mixture(0.05, 24, true), 8_000, 1.5e-3, 760, 0);

  /**
   * Learns its own objective, in little more room than an answer takes, which costs a third. The
   * rate falls for most of the time: noise of small batches keeps the loss up.
   */
  private static final Stage FIRST =
      new Stage("first-", new Task.Mixture(0.05, 24, true), 14_000, 1.5e-3, 200, 0.8);

  /** Learns to answer in any room, up to the usual one. */
  private static final Stage SECOND =
      new Stage("", new Task.Mixture(0.3, 100, false), 2_000, 3e-4, 50, 0.9);

  private static final long SAVED = 100; // steps between checkpoints: some minutes
  private static final int BATCH = 16; // of similar lengths
  private static final int ACCUMULATE = 3; // such batches make a step
  private static final int LENGTH = 176; // a question, and the usual room of 128 tokens
  private static final Shape SHAPE = new Shape(256, 8, 8, 8, 704, 512, false);
  private static final int VOCABULARY = 2048;
  private static final double EMA = 0.999;

  /**
   * A run; each begins with the model of the one before.
   *
   * @param name of its folder, or what comes before the model's name there
   * @param task what is masked, in how much room
   * @param steps at full scale
   * @param rate of learning, the highest
   * @param warmUp steps until it is reached
   * @param decay share of the steps in which it falls
   */
  private record Stage(
      String name, Task.Mixture task, long steps, double rate, long warmUp, double decay) {}

  private final Path folder;
  private final double scale;
  private final Backend backend;
  private final TrainingListener listener;
  private final Consumer<String> results;

  /**
   * A recipe.
   *
   * @param folder of all its runs
   * @param scale share of its steps, for a trial
   * @param listener hears how the runs go
   * @param results takes a line for each run
   */
  public DemoRecipe(
      Path folder,
      double scale,
      Backend backend,
      TrainingListener listener,
      Consumer<String> results) {
    this.folder = folder;
    this.scale = scale;
    this.backend = backend;
    this.listener = listener;
    this.results = results;
  }

  /** What the recipe trains on at a scale; its tests are the same at every scale. */
  public static Lessons lessons(double scale) {
    return new Lessons(SEED, (int) Math.ceil(LESSONS * Math.min(1, scale)));
  }

  private TrainingConfig config(Objective objective, Stage stage, Start start) {
    long steps = Math.max(2, Math.round(stage.steps * scale));
    return new TrainingConfig(
        stage.task,
        new Extent(steps, BATCH, ACCUMULATE, LENGTH),
        new Masking(objective, ForwardProcess.EPS, true),
        new Optimizer(
            new LearningRate.WarmupStableDecay(
                stage.rate, stage.rate / 20, Math.round(stage.warmUp * scale), stage.decay),
            AdamW.Options.LLADA,
            EMA),
        new HeldOut(0.0005, 4),
        start,
        SEED);
  }

  /**
   * Trains, or goes on with it, or finds it done.
   *
   * @param twin whether the twin is trained, which writes from left to right
   * @return the folder of the model
   * @throws ResumeException if the folder holds a run at another scale
   * @throws FormatException if a file is damaged or cannot be written
   */
  public Path run(boolean twin) {
    Path corpus = folder.resolve("corpus");
    try {
      Disk.current().createFolders(corpus);
    } catch (IOException e) {
      throw new FormatException(corpus + ": cannot be made: " + e.getMessage(), e);
    }
    Path lessons = corpus.resolve("lessons.jsonl");
    if (Files.notExists(lessons)) { // the same bytes whenever it is made
      lessons(scale).write(lessons);
    }
    Objective objective = twin ? Objective.AR : Objective.LLADA;
    String name = twin ? "twin" : "llada";
    Start start = new Start.NewModel(SHAPE, OptionalInt.of(VOCABULARY));
    Path model = run(START.name, config(Objective.AR, START, start), lessons);
    for (Stage stage : List.of(FIRST, SECOND)) {
      TrainingConfig config = config(objective, stage, new Start.GivenModel(model));
      model = run(stage.name + name, config, lessons);
    }
    return model;
  }

  private Path run(String name, TrainingConfig config, Path lessons) {
    RunFolder run = new RunFolder(folder.resolve(name));
    try (DiskLock _ = run.open()) {
      Optional<Path> latest = run.latestWhole(listener::warned);
      if (latest.isPresent()) {
        TrainingState state = TrainingState.read(latest.get());
        state.config(latest.get()).requireSame(config, latest.get());
        Path model = run.path().resolve("model");
        if (state.step() == config.extent().steps() && Files.exists(model.resolve("config.json"))) {
          results.accept(model + ": done");
          return model;
        }
      }
      TrainingRun.Result result =
          new TrainingRun(
                  config,
                  new TrainingRun.Places(List.of(lessons), Optional.empty(), run.path()),
                  new TrainingRun.Conduct(
                      new Trainer.Schedule(SAVED, 2, 10 * SAVED, 256, 10 * SAVED),
                      "What is 347 plus 285?",
                      false,
                      false),
                  backend,
                  Processes.ALONE,
                  latest,
                  listener)
              .train()
              .orElseThrow();
      results.accept(result.text());
      return result.model();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // of the lock's file, which is closed
    }
  }
}
