package llada.train;

import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import llada.api.Engine;
import llada.backend.Backend;
import llada.checkpoint.Checkpoint;
import llada.diffusion.ForwardProcess;
import llada.diffusion.Generation;
import llada.diffusion.Objective;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.model.LladaConfig;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.Tokenizer;
import llada.train.TrainingConfig.Extent;
import llada.train.TrainingConfig.HeldOut;
import llada.train.TrainingConfig.Masking;
import llada.train.TrainingConfig.Optimizer;
import llada.train.TrainingConfig.Shape;
import llada.train.TrainingConfig.Start;
import llada.train.TrainingConfig.Task;
import llada.train.demo.DemoCorpus;
import llada.train.demo.Skill;

/**
 * The model that comes with LLaDA.java, from nothing: corpus, tokenizer, pre-training, fine-tuning,
 * practice, report. Every stage leaves its result in the folder, so that the same command goes on
 * where it was cut off.
 */
public final class DemoRecipe {
  private static final long SEED = 2025;
  private static final int DOCUMENTS = 120_000;
  private static final int CHATS = 60_000;
  private static final int HELD_OUT = 40;
  private static final int ANSWER = 64; // a row of ten numbers has some forty
  private static final int STORY = 128;
  private static final int BLOCK = 32; // as chat has it

  private static final AdamW.Options ADAM_W = AdamW.Options.LLADA;
  private static final HeldOut HELD_BACK = new HeldOut(0.005, 8);
  private static final double EMA = 0.998;
  private static final Masking MASKING = new Masking(Objective.LLADA, ForwardProcess.EPS, true);

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
   * @param results takes a line for each stage, and the report
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

  /** The corpus of the recipe at this scale; what is held out of it is the same at every scale. */
  public static DemoCorpus corpus(double scale) {
    return new DemoCorpus(
        SEED,
        (int) Math.ceil(DOCUMENTS * Math.min(1, scale)),
        (int) Math.ceil(CHATS * Math.min(1, scale)));
  }

  /** The whole recipe takes at most two and a half hours on two cores. */
  private TrainingConfig pretraining() {
    long steps = steps(7000);
    return new TrainingConfig(
        new Task.Pretraining(0.01),
        new Extent(steps, 16, 1, 128),
        MASKING,
        new Optimizer(rate(1.5e-3, steps, 0.1), ADAM_W, EMA),
        HELD_BACK,
        new Start.NewModel(new Shape(256, 6, 8, 8, 704, 512, false), OptionalInt.of(2048)),
        SEED);
  }

  private TrainingConfig fineTuning(Path model) {
    long steps = steps(3500);
    return new TrainingConfig(
        new Task.FineTuning(0.05, true),
        new Extent(steps, 32, 1, 192),
        MASKING,
        new Optimizer(rate(6e-4, steps, 0.1), ADAM_W, EMA),
        HELD_BACK,
        new Start.GivenModel(model),
        SEED);
  }

  /** What small models find hardest, once more, with the learning rate going down all the way. */
  private TrainingConfig practice(Path model) {
    long steps = steps(2400);
    return new TrainingConfig(
        new Task.FineTuning(0, true),
        new Extent(steps, 32, 1, 192),
        MASKING,
        new Optimizer(rate(6e-4, steps, 0.5), ADAM_W, EMA),
        HELD_BACK,
        new Start.GivenModel(model),
        SEED + 1);
  }

  private long steps(int whole) {
    return Math.max(2, Math.round(whole * scale));
  }

  private static LearningRate rate(double peak, long steps, double decayShare) {
    return new LearningRate.WarmupStableDecay(peak, peak / 10, steps / 50, decayShare);
  }

  /**
   * Runs every stage that is not done yet, and reports.
   *
   * @throws ResumeException if the folder holds a run at another scale
   * @throws FormatException if a file is damaged or cannot be written
   */
  public void run() {
    Path corpus = folder.resolve("corpus");
    try {
      Disk.current().createFolders(corpus);
    } catch (IOException e) {
      throw new FormatException(corpus + ": cannot be made: " + e.getMessage(), e);
    }
    DemoCorpus world = corpus(scale);
    Path texts = corpus.resolve("pretrain.txt");
    Path chats = corpus.resolve("chats.jsonl");
    Path practice = corpus.resolve("practice.jsonl");
    // Made anew each time: the same bytes, in seconds. A file that is there keeps its date.
    if (Files.notExists(texts) || Files.notExists(chats) || Files.notExists(practice)) {
      world.writeTexts(texts);
      world.writeChats(chats);
      world.writePractice(practice);
    }
    Path base = stage("pretrain", pretraining(), texts, "");
    Path tuned = stage("sft", fineTuning(base), chats, "Write a story about a cat.");
    Path model = stage("practice", practice(tuned), practice, "Count from 4 to 9.");
    report(world, model);
  }

  /** Trains a stage, or goes on with it, or finds it done. */
  private Path stage(String name, TrainingConfig config, Path data, String prompt) {
    RunFolder run = new RunFolder(folder.resolve(name));
    try (DiskLock _ = run.open()) {
      Optional<Path> latest = run.latestWhole(listener::warned);
      if (latest.isPresent()) {
        TrainingState state = TrainingState.read(latest.get());
        state.config(latest.get()).requireSame(config, latest.get());
        Path model = run.path().resolve("model");
        if (state.step() == config.extent().steps() && Files.exists(model.resolve("config.json"))) {
          return model;
        }
      }
      TrainingRun.Result result =
          new TrainingRun(
                  config,
                  new TrainingRun.Places(List.of(data), Optional.empty(), run.path()),
                  new TrainingRun.Conduct(
                      Trainer.Schedule.usual(config.extent().steps()), prompt, false),
                  backend,
                  Processes.ALONE,
                  latest,
                  listener)
              .train()
              .orElseThrow();
      results.accept(name + ": " + result.text());
      return result.model();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // of the lock's file, which is closed
    }
  }

  /** Asks what was held out, and writes report.json. */
  private void report(DemoCorpus world, Path model) {
    Map<Skill, int[]> right = new EnumMap<>(Skill.class); // right, asked
    StringBuilder answers = new StringBuilder();
    try (Checkpoint checkpoint = Checkpoint.open(model);
        Engine engine = new Engine(checkpoint.config(), checkpoint.weights(), backend.kernels())) {
      LladaConfig config = checkpoint.config();
      Tokenizer tokenizer = checkpoint.tokenizer();
      ChatTemplate chat = checkpoint.chatTemplate();
      for (DemoCorpus.HeldOut question : world.heldOut(HELD_OUT)) {
        int[] prompt =
            chat.encode(tokenizer, List.of(new ChatTemplate.Message("user", question.question())));
        int tokens = question.mark() == null ? ANSWER : STORY;
        SamplerOptions exact =
            SamplerOptions.defaults().toBuilder().lengths(tokens, tokens, BLOCK).build();
        Generation made = engine.generate(prompt, exact, 0, StepListener.NONE);
        String answer =
            tokenizer.decode(
                made.answerUpTo(
                    0, config.eosTokenId(), config.eotTokenId().orElse(config.eosTokenId())),
                true);
        boolean good = question.accepts(answer);
        int[] count = right.computeIfAbsent(question.skill(), _ -> new int[2]);
        count[0] += good ? 1 : 0;
        count[1]++;
        answers.append(
            "%s %s%n  asked: %s%n  said:  %s%n%s"
                .formatted(
                    question.skill(),
                    good ? "right" : "wrong",
                    question.question(),
                    answer,
                    good || question.mark() != null
                        ? ""
                        : "  right: %s%n".formatted(question.answer())));
      }
    }
    results.accept("held out, never seen in training:");
    StringWriter json = new StringWriter();
    json.write("{\n");
    right.forEach(
        (skill, count) -> {
          results.accept(
              String.format(
                  Locale.ROOT,
                  "  %-11s %5.1f %%  (%d of %d)",
                  skill,
                  100.0 * count[0] / count[1],
                  count[0],
                  count[1]));
          json.write(
              "  \"%s\": {\"right\": %d, \"asked\": %d},%n".formatted(skill, count[0], count[1]));
        });
    json.write("  \"model\": \"%s\"%n}%n".formatted(folder.relativize(model)));
    write("report.json", json.toString());
    write("answers.txt", answers.toString());
    results.accept(model.toString());
  }

  private void write(String name, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    try {
      AtomicFile.write(folder.resolve(name), bytes);
    } catch (UncheckedIOException e) {
      throw new FormatException(e.getMessage(), e);
    }
  }
}
