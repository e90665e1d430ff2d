package llada.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import llada.api.AnswerText;
import llada.api.Engine;
import llada.backend.Backend;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.HuggingFaceFolder;
import llada.diffusion.Generation;
import llada.diffusion.Objective;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.format.TokenizerConfig;
import llada.format.TokenizerJson;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.TrainablePredictor;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.Tokenizer;
import llada.tokenizer.TokenizerException;
import llada.train.Chats;
import llada.train.Corpus;
import llada.train.Lora;
import llada.train.LossLog;
import llada.train.Network;
import llada.train.PackedText;
import llada.train.PredictorNetwork;
import llada.train.Processes;
import llada.train.RunFolder;
import llada.train.TokenCache;
import llada.train.Trained;
import llada.train.Trainer;
import llada.train.TrainingData;
import llada.train.TrainingListener;
import llada.train.TrainingPlan;
import llada.train.Validation;
import llada.train.Weights;

/** One training run, from settings to a model. */
final class TrainRun {
  private static final long SAMPLE_SEED = 1;
  private static final int SAMPLE_TOKENS = 64;

  private final Console console;
  private final TrainSettings settings;
  private final TrainOptions options;
  private final Backend backend;
  private final RunFolder run;
  private final Processes processes;
  private final Optional<Path> checkpoint;

  private Path tokenizerFolder;
  private Tokenizer tokenizer;
  private ChatTemplate chat; // null if the tokenizer has none
  private LladaConfig config;
  private LladaWeights weights;
  private Network network;
  private TrainProgress progress;

  /**
   * A run.
   *
   * @param processes that train together
   * @param checkpoint to resume from, if any
   */
  TrainRun(
      Console console,
      TrainSettings settings,
      TrainOptions options,
      Backend backend,
      Processes processes,
      Optional<Path> checkpoint) {
    this.console = console;
    this.settings = settings;
    this.options = options;
    this.backend = backend;
    this.processes = processes;
    this.run = new RunFolder(options.out);
    this.checkpoint = checkpoint;
  }

  /**
   * Trains to the end.
   *
   * @param model the folder of the finished model
   * @param validation its bound, null if nothing was held out
   */
  record Result(Path model, Validation validation) {}

  Result train() {
    Corpus corpus = Corpus.of(options.data);
    try (Arena arena = Arena.ofShared()) {
      tokenizerFolder = options.out.resolve("tokenizer");
      if (processes.first()) {
        keepTokenizer(corpus, tokenizerFolder);
      }
      processes.barrier();
      tokenizer = TokenizerJson.read(tokenizerFolder.resolve("tokenizer.json"));
      chat = chat(tokenizerFolder);
      model(arena);
      requireRows();
      checkLength();
      TrainingPlan plan = settings.plan(config.maskTokenId(), processes.size(), notes());
      TrainingData data = processes.firstThenOthers(() -> data(corpus, arena));
      try (Network made =
          new PredictorNetwork(
              config,
              weights,
              backend.kernels(),
              Math.multiplyExact(settings.batch, settings.length),
              new TrainablePredictor.Options(
                  options.recompute, settings.objective() == Objective.AR))) {
        network = made;
        return train(plan, data, trained(arena));
      }
    }
  }

  private Trained trained(Arena arena) {
    if (settings.loraRank == 0) {
      return Trained.AllWeights.of(network);
    }
    try {
      return new Lora(
          network,
          settings.loraRank,
          settings.alpha(),
          settings.targets(),
          settings.seed,
          backend.pool(),
          arena);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
  }

  private Result train(TrainingPlan plan, TrainingData data, Trained trained) {
    long step = checkpoint.isPresent() ? RunFolder.state(checkpoint.get()).step() : 0;
    LossLog log = new LossLog(options.out.resolve("loss.csv"), step);
    progress =
        new TrainProgress(
            console, options.quiet, log, options.out.resolve("loss.svg"), this::sample);
    try (Trainer trainer =
        new Trainer(
            plan,
            schedule(),
            config,
            network,
            trained,
            data,
            run,
            tokenizerFolder,
            backend.kernels(),
            processes,
            processes.first() ? progress : new TrainingListener() {})) {
      checkpoint.ifPresent(trainer::resume);
      if (!options.quiet && processes.first()) {
        progress.text(
            "%,d weights, %,d sequences, %d held out, %s%s"
                .formatted(
                    config.parameters(),
                    data.sequences(),
                    data.validationSequences(),
                    backend.why()
                        + (processes.size() == 1
                            ? ""
                            : ", %d processes".formatted(processes.size())),
                    checkpoint.map(c -> ", from " + c).orElse("")));
      }
      trainer.run();
      return processes.first() ? new Result(trainer.publish(), progress.validation()) : null;
    }
  }

  private Trainer.Schedule schedule() {
    long twentieth = Math.max(1, settings.steps / 20);
    try {
      return new Trainer.Schedule(
          options.saveEvery == null ? twentieth : options.saveEvery,
          options.keep,
          options.validateEvery == null ? twentieth : options.validateEvery,
          options.validateSequences,
          options.sampleEvery == null ? 2 * twentieth : options.sampleEvery);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
  }

  /** Where things were, for a later --resume without them. */
  private Map<String, String> notes() {
    Map<String, String> notes = new LinkedHashMap<>();
    notes.put(
        "data",
        options.data.stream()
            .map(p -> p.toAbsolutePath().normalize().toString())
            .collect(Collectors.joining("\n")));
    if (options.model != null) {
      notes.put("model", options.model.toAbsolutePath().normalize().toString());
    }
    return notes;
  }

  /** The run keeps a tokenizer of its own: what it came from may be pruned or moved. */
  private void keepTokenizer(Corpus corpus, Path folder) {
    if (checkpoint.isPresent()) {
      HuggingFaceFolder.copyTokenizer(checkpoint.get(), folder);
      return;
    }
    if (options.tokenizer != null || options.model != null) {
      Path given = options.tokenizer != null ? options.tokenizer : options.model;
      if (!Files.isRegularFile(given.resolve("tokenizer.json"))) {
        throw new FormatException(
            given + ": holds no tokenizer.json; give a Hugging Face folder that does");
      }
      if (settings.vocab != null) {
        throw new UsageException("--vocab makes a new tokenizer, but one is given: leave it out");
      }
      HuggingFaceFolder.copyTokenizer(given, folder);
      return;
    }
    int size = settings.vocab == null ? 4096 : settings.vocab;
    int made = TokenizerTraining.run(corpus, size, 2, folder);
    if (!options.quiet) {
      console.err().println("tokenizer: %d tokens, %s".formatted(made, folder));
    }
  }

  private ChatTemplate chat(Path folder) {
    TokenizerConfig files = TokenizerConfig.read(folder);
    try {
      files.requireBos(tokenizer, folder);
      return ChatTemplate.require(files.chatTemplate(), files.bosToken());
    } catch (TokenizerException e) {
      return null; // only chats need it
    }
  }

  private void model(Arena arena) {
    Path from = settings.loraRank > 0 || checkpoint.isEmpty() ? options.model : checkpoint.get();
    if (from == null && settings.loraRank > 0) {
      throw new UsageException("--lora-rank needs --model, whose weights the adapters adapt");
    }
    if (from != null) {
      try (Checkpoint opened = Checkpoint.open(from)) {
        config = opened.config();
        weights = Weights.copy(config, opened.weightsByName(), arena);
      }
      if (checkpoint.isEmpty()) {
        settings
            .shapeOption()
            .ifPresent(
                name -> {
                  throw new UsageException(
                      name + " shapes a new model, but --model gives one: leave it out");
                });
      }
      return;
    }
    config =
        settings.config(
            tokenizer.size(),
            id("<|mdm_mask|>"),
            id("<|endoftext|>"),
            tokenizer.id("<|eot_id|>"),
            tokenizer.id("<|startoftext|>"));
    weights = Weights.random(config, settings.seed, arena);
  }

  private int id(String token) {
    return tokenizer
        .id(token)
        .orElseThrow(
            () ->
                new FormatException(
                    "%s: the tokenizer has no %s; make one with 'llada tokenizer train'"
                        .formatted(tokenizerFolder, token)));
  }

  private void requireRows() {
    try {
      tokenizer.requireRows(config.embeddingSize());
    } catch (TokenizerException e) {
      throw new FormatException(tokenizerFolder + ": " + e.getMessage(), e);
    }
  }

  private void checkLength() {
    if (settings.length > config.maxSequenceLength()) {
      throw new UsageException(
          "--length is %d; the model takes at most %d (max_sequence_length): give a shorter --length%s"
              .formatted(
                  settings.length,
                  config.maxSequenceLength(),
                  options.model == null ? " or a larger --context" : ""));
    }
  }

  private TrainingData data(Corpus corpus, Arena arena) {
    Path file = options.out.resolve("tokens.cache");
    byte[] tokenizerFile;
    try {
      tokenizerFile = Files.readAllBytes(tokenizerFolder.resolve("tokenizer.json"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    int eos = config.eosTokenId();
    if (!settings.sft) {
      TokenCache cache = PackedText.cache(file, corpus, tokenizer, tokenizerFile, chat, eos, arena);
      return FormatException.naming(
          corpus.name(),
          () ->
              new PackedText(
                  cache,
                  settings.length,
                  settings.validation,
                  settings.randomLengths,
                  settings.seed));
    }
    if (chat == null) {
      throw new FormatException(
          tokenizerFolder
              + ": has no chat template of LLaDA's; --sft needs one: take the tokenizer of an"
              + " instruct model, or one made with 'llada tokenizer train'");
    }
    TokenCache cache =
        Chats.cache(
            file,
            corpus,
            tokenizer,
            tokenizerFile,
            chat,
            eos,
            settings.length,
            settings.skipLong,
            arena);
    return FormatException.naming(
        corpus.name(),
        () ->
            new Chats(
                cache,
                eos,
                settings.length,
                settings.validation,
                settings.fullPadding,
                settings.seed));
  }

  /** Writes a text with the weights as they are, to the console and to samples.txt. */
  private void sample(long step) {
    if (settings.objective() == Objective.AR) {
      return; // the sampler is for masks
    }
    String text = answer(options.samplePrompt);
    String shown = "step %d  sample: %s".formatted(step, text.strip().replace('\n', ' '));
    progress.text(AnswerText.printable(shown));
    try {
      AtomicFile.append(
          options.out.resolve("samples.txt"),
          "--- step %d%n%s%n".formatted(step, text).getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String answer(String prompt) {
    int[] ids;
    if (settings.sft) {
      String question = prompt.isEmpty() ? "Hello!" : prompt;
      ids = chat.encode(tokenizer, List.of(new ChatTemplate.Message("user", question)));
    } else {
      ids = prompt.isEmpty() ? new int[] {config.eosTokenId()} : tokenizer.encode(prompt);
    }
    int tokens = Math.min(SAMPLE_TOKENS, config.maxSequenceLength() - ids.length);
    if (tokens < 1) {
      return "(the prompt leaves no room)";
    }
    SamplerOptions sampler =
        SamplerOptions.defaults().toBuilder().lengths(tokens, tokens, tokens).build();
    try (Engine engine = new Engine(config, weights, backend.kernels())) {
      Generation made = engine.generate(ids, sampler, SAMPLE_SEED, StepListener.NONE);
      int eot = config.eotTokenId().orElse(config.eosTokenId());
      return (settings.sft ? prompt + "\n" : prompt)
          + tokenizer.decode(made.answerUpTo(0, config.eosTokenId(), eot), true);
    }
  }
}
