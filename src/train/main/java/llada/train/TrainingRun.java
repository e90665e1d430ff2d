package llada.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import llada.api.Engine;
import llada.backend.Backend;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.HuggingFaceFolder;
import llada.diffusion.Generation;
import llada.diffusion.Objective;
import llada.diffusion.SamplerOptions;
import llada.diffusion.SettingException;
import llada.diffusion.StepListener;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.format.TokenizerConfig;
import llada.format.TokenizerJson;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.TrainablePredictor;
import llada.model.WeightTable;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.Tokenizer;
import llada.tokenizer.TokenizerException;
import llada.train.TrainingConfig.Start;
import llada.train.TrainingConfig.Task;

/** One training run, from a configuration to a model. */
public final class TrainingRun {
  private static final long SAMPLE_SEED = 1;
  private static final int SAMPLE_TOKENS = 64;
  private static final int USUAL_VOCABULARY = 4096;

  private final TrainingConfig settings;
  private final Places places;
  private final Conduct conduct;
  private final Backend backend;
  private final RunFolder run;
  private final Processes processes;
  private final Optional<Path> checkpoint;
  private final TrainingListener listener;

  private Path tokenizerFolder;
  private Tokenizer tokenizer;
  private ChatTemplate chat; // null if the tokenizer has none
  private LladaConfig config;
  private LladaWeights weights;
  private Optional<Checkpoint> base = Optional.empty(); // of adapters: open as long as the run
  private Network network;

  /**
   * Where things are.
   *
   * @param data files of documents, or folders of them
   * @param tokenizer folder with tokenizer.json; if empty, the first model's is taken, or one is
   *     trained
   * @param out the run's folder
   */
  public record Places(List<Path> data, Optional<Path> tokenizer, Path out) {}

  /**
   * How the run is conducted; nothing of it changes a weight.
   *
   * @param schedule of what is no step
   * @param samplePrompt what sample texts begin with; of chats, the question
   * @param recompute whether fewer activations are kept, for more work
   * @param best whether the checkpoint with the lowest validation bound is published, if one was
   *     measured at a checkpoint; else the last weights are
   */
  public record Conduct(
      Trainer.Schedule schedule, String samplePrompt, boolean recompute, boolean best) {}

  /**
   * What a run has made.
   *
   * @param model the folder of the finished model, or adapter
   * @param step that it is of
   * @param bound of that step's validation in nats a token, if there was one
   */
  public record Result(Path model, long step, Optional<Double> bound) {
    /** All on a line. */
    public String text() {
      return bound
          .map(
              nats ->
                  String.format(
                      Locale.ROOT,
                      "%s: validation bound %.4f nats/token, perplexity %.2f, at step %d",
                      model,
                      nats,
                      Math.exp(nats),
                      step))
          .orElse(model.toString());
    }
  }

  /**
   * A run.
   *
   * @param processes that train together
   * @param checkpoint to resume from, if any
   */
  public TrainingRun(
      TrainingConfig settings,
      Places places,
      Conduct conduct,
      Backend backend,
      Processes processes,
      Optional<Path> checkpoint,
      TrainingListener listener) {
    this.settings = settings;
    this.places = places;
    this.conduct = conduct;
    this.backend = backend;
    this.processes = processes;
    this.run = new RunFolder(places.out);
    this.checkpoint = checkpoint;
    this.listener = processes.first() ? listener : new TrainingListener() {};
  }

  /**
   * Trains to the end. The run's folder must be open ({@link RunFolder#open}).
   *
   * @return empty in all processes but the first
   * @throws SettingException if a setting does not fit the model
   * @throws ResumeException if the checkpoint is of a run with other settings or data
   * @throws FormatException if a file is missing or damaged, or cannot be written
   * @throws NonFiniteLossException if the loss or a gradient is no number
   */
  public Optional<Result> train() {
    SettingException.require(
        settings.extent().batch() >= processes.size(),
        "batch",
        " is %d, too few for a sequence to each of %d processes: give a larger batch, or start fewer",
        settings.extent().batch(),
        processes.size());
    if (checkpoint.isPresent()) {
      Path from = checkpoint.get();
      TrainingState.read(from).config(from).requireSame(settings, from);
    }
    Corpus corpus = Corpus.of(places.data);
    try (Arena arena = Arena.ofShared()) {
      tokenizerFolder = places.out.resolve("tokenizer");
      if (processes.first()) {
        keepTokenizer(corpus, tokenizerFolder);
      }
      processes.barrier();
      tokenizer = TokenizerJson.read(tokenizerFolder.resolve("tokenizer.json"));
      chat = chat(tokenizerFolder);
      model(arena);
      requireRows();
      checkLength();
      TrainingData data = processes.firstThenOthers(() -> data(corpus, arena));
      TrainingConfig.Extent extent = settings.extent();
      boolean causal = settings.masking().objective() == Objective.AR;
      try (Network made =
          new PredictorNetwork(
              config,
              weights,
              backend.kernels(),
              Math.multiplyExact(Math.ceilDiv(extent.batch(), processes.size()), extent.length()),
              new TrainablePredictor.Options(conduct.recompute || base.isPresent(), causal))) {
        network = made;
        return train(data, trained(arena));
      }
    } finally {
      base.ifPresent(Checkpoint::close);
    }
  }

  private Trained trained(Arena arena) {
    return settings.start() instanceof Start.Adapters adapters
        ? new Lora(network, adapters.alpha(), settings.seed(), arena)
        : Trained.AllWeights.of(network);
  }

  private Optional<Result> train(TrainingData data, Trained trained) {
    long step = checkpoint.isPresent() ? TrainingState.read(checkpoint.get()).step() : 0;
    String paths =
        places.data.stream()
            .map(path -> path.toAbsolutePath().normalize().toString())
            .collect(Collectors.joining("\n"));
    try (Trainer trainer =
        new Trainer(
            settings,
            conduct.schedule,
            new Trainer.Learner(config, network, trained, backend.kernels()),
            data,
            new Trainer.Output(run, tokenizerFolder, Map.of(TrainingState.DATA, paths)),
            processes,
            processes.first() ? keeping(step) : listener)) {
      checkpoint.ifPresent(trainer::resume);
      listener.told(rate());
      listener.told(
          "%,d weights%s, %,d sequences, %d held out, %s%s%s"
              .formatted(
                  WeightTable.parameters(config),
                  trained instanceof Lora lora ? ", %,d of adapters".formatted(lora.size()) : "",
                  data.sequences(),
                  data.validationSequences(),
                  backend.why(),
                  processes.size() == 1 ? "" : ", %d processes".formatted(processes.size()),
                  checkpoint.map(c -> ", from " + c).orElse("")));
      trainer.run();
      if (!processes.first()) {
        return Optional.empty();
      }
      Optional<Path> best = run.best();
      if (conduct.best) {
        trainer.best();
      } else if (best.isPresent() && !best.equals(run.latest())) {
        listener.told(
            "the validation bound was lowest at %s, which is kept beside the last"
                .formatted(best.get()));
      }
      return Optional.of(new Result(trainer.publish(), trainer.step(), trainer.bound()));
    }
  }

  /** The learning rate, and where it comes from. */
  private String rate() {
    boolean adapters = settings.start() instanceof Start.Adapters;
    boolean fresh = settings.start() instanceof Start.NewModel;
    double usual = fresh ? LearningRate.NEW_MODEL : LearningRate.usual(config.dModel(), adapters);
    double rate = settings.optimizer().learningRate().peak();
    String what =
        fresh
            ? "a new model"
            : "%s a model of %d channels"
                .formatted(adapters ? "adapters of" : "all weights of", config.dModel());
    return rate == usual
        ? String.format(Locale.ROOT, "learning rate %.2e, as usual for %s", rate, what)
        : String.format(
            Locale.ROOT, "learning rate %.2e, as given; %.2e is usual for %s", rate, usual, what);
  }

  /** Keeps loss.csv and loss.svg, writes samples, and hands everything on. */
  private TrainingListener keeping(long from) {
    LossLog log = new LossLog(places.out.resolve("loss.csv"), from);
    return new TrainingListener() {
      @Override
      public void step(Step step) {
        log.step(step);
        listener.step(step);
      }

      @Override
      public void validated(long step, Validation found) {
        log.validated(found.nats());
        listener.validated(step, found);
      }

      @Override
      public void saved(long step, Path saved) {
        log.flush();
        LossPlot.write(places.out.resolve("loss.svg"), log);
        listener.saved(step, saved);
      }

      @Override
      public void sample(long step) {
        TrainingRun.this.sample(step);
      }
    };
  }

  /** The run keeps a tokenizer of its own: what it came from may be pruned or moved. */
  private void keepTokenizer(Corpus corpus, Path folder) {
    if (checkpoint.isPresent()) {
      HuggingFaceFolder.copyTokenizer(checkpoint.get(), folder);
      return;
    }
    Optional<Path> given = places.tokenizer.or(this::firstModel);
    OptionalInt vocabulary =
        settings.start() instanceof Start.NewModel start ? start.vocabulary() : OptionalInt.empty();
    if (given.isPresent()) {
      boolean gguf = Files.isRegularFile(given.get());
      if (!gguf && !Files.isRegularFile(given.get().resolve("tokenizer.json"))) {
        throw new FormatException(
            given.get() + ": holds no tokenizer.json; give a Hugging Face folder that does");
      }
      SettingException.require(
          vocabulary.isEmpty(),
          "vocabulary",
          " makes a new tokenizer, but one is given: leave it out");
      if (gguf) {
        try (Checkpoint opened = Checkpoint.open(given.get())) {
          HuggingFaceFolder.copyTokenizer(opened, folder);
        }
      } else {
        HuggingFaceFolder.copyTokenizer(given.get(), folder);
      }
      return;
    }
    int made = TokenizerTraining.run(corpus, vocabulary.orElse(USUAL_VOCABULARY), 2, folder);
    listener.told("tokenizer: %d tokens, %s".formatted(made, folder));
  }

  /** The model that the run begins with, if it is no new one. */
  private Optional<Path> firstModel() {
    return switch (settings.start()) {
      case Start.NewModel _ -> Optional.empty();
      case Start.GivenModel given -> Optional.of(given.model());
      case Start.Adapters adapters -> Optional.of(adapters.model());
    };
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

  /** Weights of a model that can be trained; the file is at fault where it cannot. */
  private LladaWeights trainable(Path model, Supplier<LladaWeights> made) {
    try {
      TrainablePredictor.requireTrainable(config);
      return made.get();
    } catch (IllegalArgumentException e) {
      throw new FormatException(model + ": " + e.getMessage(), e);
    }
  }

  private void model(Arena arena) {
    if (settings.start() instanceof Start.Adapters adapters) {
      base = Optional.of(Checkpoint.open(adapters.model()));
      config = base.get().config();
      LladaWeights frozen = base.get().weights();
      weights =
          trainable(
              adapters.model(),
              () -> Lora.beside(frozen, adapters.rank(), adapters.targets(), arena));
      return;
    }
    Optional<Path> from = checkpoint.or(this::firstModel);
    if (from.isPresent()) {
      try (Checkpoint opened = Checkpoint.open(from.get())) {
        config = opened.config();
        weights = trainable(from.get(), () -> Weights.copy(config, opened.weightsByName(), arena));
      }
    } else if (settings.start() instanceof Start.NewModel start) {
      config =
          start
              .shape()
              .model(
                  tokenizer.size(),
                  id("<|mdm_mask|>"),
                  id("<|endoftext|>"),
                  tokenizer.id("<|eot_id|>"),
                  tokenizer.id("<|startoftext|>"));
      weights = Weights.random(config, settings.seed(), arena);
    }
  }

  private int id(String token) {
    return tokenizer
        .id(token)
        .orElseThrow(
            () ->
                new FormatException(
                    "%s: the tokenizer has no %s; take one that was trained here"
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
    SettingException.require(
        settings.extent().length() <= config.maxSequenceLength(),
        "length",
        " is %d; the model takes at most %d (max_sequence_length): choose a shorter length%s",
        settings.extent().length(),
        config.maxSequenceLength(),
        settings.start() instanceof Start.NewModel ? " or a larger context" : "");
  }

  private TrainingData data(Corpus corpus, Arena arena) {
    Path file = places.out.resolve("tokens.cache");
    byte[] tokenizerFile;
    try {
      tokenizerFile = Files.readAllBytes(tokenizerFolder.resolve("tokenizer.json"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    int eos = config.eosTokenId();
    int length = settings.extent().length();
    double share = settings.heldOut().share();
    return switch (settings.task()) {
      case Task.Pretraining task -> {
        TokenCache cache =
            PackedText.cache(file, corpus, tokenizer, tokenizerFile, chat, eos, arena);
        yield FormatException.naming(
            corpus.name(),
            () -> new PackedText(cache, length, share, task.randomLengths(), settings.seed()));
      }
      case Task.FineTuning task -> {
        Chats.Rules rules = new Chats.Rules(length, task.skipLong(), false, task.turns());
        TokenCache cache =
            Chats.cache(file, corpus, tokenizer, tokenizerFile, requireChat(), eos, rules, arena);
        Chats.Batches batches = new Chats.Batches(length, task.fullPadding(), 0, 0, true);
        yield FormatException.naming(
            corpus.name(), () -> new Chats(cache, eos, batches, share, settings.seed()));
      }
      case Task.Mixture task -> {
        Chats.Rules rules = new Chats.Rules(length, true, true, Chats.Turns.ALL);
        TokenCache cache =
            Chats.cache(file, corpus, tokenizer, tokenizerFile, requireChat(), eos, rules, arena);
        Chats.Batches batches =
            new Chats.Batches(
                length,
                task.fullPadding(),
                task.extraPadding(),
                settings.extent().batch(),
                task.paddingCounts());
        yield FormatException.naming(
            corpus.name(), () -> new Chats(cache, eos, batches, share, settings.seed()));
      }
    };
  }

  private ChatTemplate requireChat() {
    if (chat == null) {
      throw new FormatException(
          tokenizerFolder
              + ": has no chat template of LLaDA's, which fine-tuning needs: take the tokenizer"
              + " of an instruct model, or one that was trained here");
    }
    return chat;
  }

  /** Writes a text with the weights as they are to samples.txt. */
  private void sample(long step) {
    if (settings.masking().objective() == Objective.AR) {
      return; // the sampler is for masks
    }
    String text = answer(conduct.samplePrompt);
    listener.sampled(step, text);
    try {
      AtomicFile.append(
          places.out.resolve("samples.txt"),
          "--- step %d%n%s%n".formatted(step, text).getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String answer(String prompt) {
    boolean question = !(settings.task() instanceof Task.Pretraining);
    int[] ids;
    if (question) {
      String asked = prompt.isEmpty() ? "Hello!" : prompt;
      ids = chat.encode(tokenizer, List.of(new ChatTemplate.Message("user", asked)));
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
      return (question ? prompt + "\n" : prompt)
          + tokenizer.decode(made.answerUpTo(0, config.eosTokenId(), eot), true);
    }
  }
}
