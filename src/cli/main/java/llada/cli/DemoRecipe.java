package llada.cli;

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
import llada.api.Engine;
import llada.backend.Backend;
import llada.checkpoint.Checkpoint;
import llada.diffusion.Generation;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.model.LladaConfig;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.Tokenizer;
import llada.train.Processes;
import llada.train.RunFolder;
import llada.train.demo.DemoCorpus;
import llada.train.demo.Skill;
import picocli.CommandLine;

/**
 * The model that comes with LLaDA.java, from nothing: corpus, tokenizer, pre-training, fine-tuning,
 * practice, report. Every stage leaves its result in the folder, so that the same command goes on
 * where it was cut off.
 */
final class DemoRecipe {
  private static final long SEED = 2025;
  private static final int DOCUMENTS = 120_000;
  private static final int CHATS = 60_000;
  private static final int HELD_OUT = 40;
  private static final int ANSWER = 64; // a row of ten numbers has some forty
  private static final int STORY = 128;
  private static final int BLOCK = 32; // as `llada chat` has it

  /** Of the whole recipe; chosen so that it takes at most two and a half hours on two cores. */
  private static final String[] PRETRAIN = {
    "--vocab=2048", "--dim=256", "--layers=6", "--heads=8", "--ffn=704", "--context=512",
    "--length=128", "--batch=16", "--steps=7000", "--lr=1.5e-3", "--stratified", "--ema=0.998",
    "--validation=0.005", "--seed=2025"
  };

  private static final String[] SFT = {
    "--sft",
    "--length=192",
    "--batch=32",
    "--steps=3500",
    "--lr=6e-4",
    "--stratified",
    "--ema=0.998",
    "--full-padding=0.05",
    "--validation=0.005",
    "--seed=2025",
    "--skip-long"
  };

  /** What small models find hardest, once more, with the learning rate going down all the way. */
  private static final String[] PRACTICE = {
    "--sft",
    "--length=192",
    "--batch=32",
    "--steps=2400",
    "--lr=6e-4",
    "--decay=0.5",
    "--stratified",
    "--ema=0.998",
    "--validation=0.005",
    "--seed=2026",
    "--skip-long"
  };

  private final Console console;
  private final TrainOptions options;
  private final double scale;
  private final Backend backend;
  private final Path folder;

  DemoRecipe(Console console, TrainOptions options, double scale, Backend backend) {
    this.console = console;
    this.options = options;
    this.scale = scale;
    this.backend = backend;
    this.folder = options.out;
  }

  /** The corpus of the recipe at this scale; what is held out of it is the same at every scale. */
  static DemoCorpus corpus(double scale) {
    return new DemoCorpus(
        SEED,
        (int) Math.ceil(DOCUMENTS * Math.min(1, scale)),
        (int) Math.ceil(CHATS * Math.min(1, scale)));
  }

  void run() {
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
    Path base = stage("pretrain", PRETRAIN, texts, null, "");
    Path tuned = stage("sft", SFT, chats, base, "Write a story about a cat.");
    Path model = stage("practice", PRACTICE, practice, tuned, "Count from 4 to 9.");
    report(world, model);
  }

  /** Trains a stage, or goes on with it, or finds it done. */
  private Path stage(String name, String[] args, Path data, Path model, String prompt) {
    TrainSettings settings = new TrainSettings();
    new CommandLine(settings).parseArgs(args);
    settings.steps = Math.max(2, Math.round(settings.steps * scale));
    TrainOptions stage = new TrainOptions();
    new CommandLine(stage).parseArgs();
    stage.out = folder.resolve(name);
    stage.data = List.of(data);
    stage.model = model;
    stage.samplePrompt = prompt;
    stage.quiet = options.quiet;
    try (DiskLock _ = new RunFolder(stage.out).open()) {
      return stage(name, settings, stage);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // of the lock's file, which is closed
    }
  }

  private Path stage(String name, TrainSettings settings, TrainOptions stage) {
    Optional<Path> latest = new RunFolder(stage.out).latestWhole(console::message);
    if (latest.isPresent()) {
      // Settings of this run, or else a message about the one that differs.
      Map<String, String> before = RunFolder.state(latest.get()).settings();
      if (!before.get("--steps").equals(Long.toString(settings.steps))) {
        throw new UsageException(
            "%s was started with another --recipe-scale (%s steps, not %d): give the same one or another -o"
                .formatted(stage.out, before.get("--steps"), settings.steps));
      }
      if (RunFolder.state(latest.get()).step() == settings.steps
          && Files.exists(stage.out.resolve("model/config.json"))) {
        return stage.out.resolve("model");
      }
    }
    TrainRun.Result result =
        new TrainRun(console, settings, stage, backend, Processes.ALONE, latest).train();
    console.out().println(name + ": " + TrainCommand.text(result));
    return result.model();
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
    console.out().println("held out, never seen in training:");
    StringWriter json = new StringWriter();
    json.write("{\n");
    right.forEach(
        (skill, count) -> {
          console
              .out()
              .println(
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
    console.out().println(model);
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
