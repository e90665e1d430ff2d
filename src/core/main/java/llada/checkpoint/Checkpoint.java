package llada.checkpoint;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import llada.format.FormatException;
import llada.format.Gguf;
import llada.format.Json;
import llada.format.SafetensorsFolder;
import llada.format.TensorEntry;
import llada.format.TokenizerConfig;
import llada.format.TokenizerJson;
import llada.kernel.scalar.RopeLayout;
import llada.model.Architecture;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.tensor.NativeMemory;
import llada.tensor.Shape;
import llada.tensor.Tensor;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.GgufVocabulary;
import llada.tokenizer.Tokenizer;
import llada.tokenizer.TokenizerException;

/**
 * An opened model: configuration, weights and tokenizer of a Hugging Face folder or a GGUF file.
 * The weights are views of the mapped files and live until {@link #close}.
 */
public final class Checkpoint implements AutoCloseable {
  private static final int MAX_CONFIG_BYTES = 1 << 20;

  private final Arena arena;
  private final Path path;
  private final String format;
  private final LladaConfig config;
  private final LladaWeights weights;
  private final List<TensorInfo> tensors;
  private final Optional<Tokenizer> tokenizer;
  private final Optional<String> chatTemplate;
  private final Optional<String> bosToken;
  private final Supplier<GgufVocabulary.Tables> vocabulary;
  private final String name;
  private Map<String, Tensor> byName; // made when first asked for
  private volatile ChatTemplate template; // so is this, by any thread

  /**
   * A tensor as it is stored.
   *
   * @param type the name that the format gives to the number type
   */
  public record TensorInfo(String name, String type, Shape shape, long bytes) {}

  private Checkpoint(
      Arena arena,
      Path path,
      String format,
      LladaConfig config,
      LladaWeights weights,
      Collection<TensorEntry> entries,
      Optional<Tokenizer> tokenizer,
      Optional<String> chatTemplate,
      Optional<String> bosToken,
      Supplier<GgufVocabulary.Tables> vocabulary,
      String name) {
    this.arena = arena;
    this.path = path;
    this.format = format;
    this.config = config;
    this.weights = weights;
    this.tensors =
        entries.stream()
            .map(e -> new TensorInfo(e.name(), e.type(), e.shape(), e.bytes()))
            .toList();
    this.tokenizer = tokenizer;
    this.chatTemplate = chatTemplate;
    this.bosToken = bosToken;
    this.vocabulary = vocabulary;
    this.name = name;
  }

  /**
   * Opens and checks a model.
   *
   * @param path a folder with config.json and safetensors files, or a GGUF file
   * @throws FormatException if it is not a LLaDA that can be run, with the reason and the remedy
   */
  public static Checkpoint open(Path path) {
    return open(path, Optional.empty());
  }

  /**
   * Opens a model with an adapter beside its weights, if one is given.
   *
   * @param adapter a folder as {@link PeftAdapter} reads it
   * @throws FormatException also if the adapter is not of this model
   */
  public static Checkpoint open(Path path, Optional<Path> adapter) {
    if (Files.notExists(path)) {
      throw new MissingModelException(
          path, "there is no such file or folder; give a Hugging Face folder or a GGUF file");
    }
    Arena arena = Arena.ofShared();
    try {
      return Files.isDirectory(path)
          ? openFolder(path, adapter, arena)
          : openGguf(path, adapter, arena);
    } catch (TokenizerException e) {
      arena.close();
      throw new FormatException(path + ": " + e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static Checkpoint openFolder(Path folder, Optional<Path> adapter, Arena arena) {
    Path tokenizerFile = folder.resolve("tokenizer.json");
    Optional<Tokenizer> tokenizer =
        Files.exists(tokenizerFile)
            ? Optional.of(TokenizerJson.read(tokenizerFile))
            : Optional.empty();
    TokenizerConfig tokenizerConfig = TokenizerConfig.read(folder);
    LladaConfig config =
        HuggingFaceConfig.read(
            config(folder),
            new OtherFiles(
                generation(folder),
                text -> tokenizer.isPresent() ? tokenizer.get().id(text) : OptionalInt.empty(),
                tokenizerConfig.bosToken(),
                tokenizerConfig.eosToken()));
    tokenizer.ifPresent(t -> t.requireRows(config.embeddingSize()));
    tokenizer.ifPresent(t -> tokenizerConfig.requireBos(t, folder));
    SafetensorsFolder files = SafetensorsFolder.open(folder, arena);
    LladaWeights weights =
        new WeightsReader(
                folder.toString(), config, false, files.entries().keySet(), files::tensor, arena)
            .read();
    return new Checkpoint(
        arena,
        folder,
        "Hugging Face folder, safetensors",
        config,
        adapted(weights, adapter, arena),
        files.entries().values(),
        tokenizer.map(t -> begins(config) ? t : t.withBegin(OptionalInt.empty())),
        tokenizerConfig.chatTemplate(),
        tokenizerConfig.bosToken(),
        () ->
            GgufVocabulary.tables(
                tokenizer.orElseThrow(() -> noTokenizer(folder)), config.embeddingSize()),
        folder.toAbsolutePath().normalize().getFileName().toString());
  }

  private static LladaWeights adapted(LladaWeights weights, Optional<Path> adapter, Arena arena) {
    return adapter.map(folder -> PeftAdapter.read(folder, weights, arena)).orElse(weights);
  }

  private static Json config(Path folder) {
    Path file = folder.resolve("config.json");
    if (Files.notExists(file)) {
      Path adapter = folder.resolve("adapter_config.json");
      throw new FormatException(
          Files.exists(adapter)
              ? adapter
                  + ": the folder holds a LoRA adapter, no model; give the model that it belongs"
                  + " to, and this folder as its adapter"
              : file
                  + ": cannot be read; a model folder holds config.json, tokenizer.json and"
                  + " *.safetensors");
    }
    return Json.read(file, MAX_CONFIG_BYTES);
  }

  private static Json generation(Path folder) {
    Path file = folder.resolve("generation_config.json");
    return Files.exists(file)
        ? Json.read(file, MAX_CONFIG_BYTES)
        : new Json(Map.of(), file.toString());
  }

  private static Checkpoint openGguf(Path file, Optional<Path> adapter, Arena arena) {
    Gguf gguf = Gguf.open(file, arena);
    String model = gguf.string("tokenizer.ggml.model");
    if (!model.equals("gpt2")) {
      throw new FormatException(
          "%s: tokenizer.ggml.model is '%s'; only byte-level BPE, 'gpt2', is supported"
              .formatted(file, model));
    }
    GgufVocabulary.Tables tables = tables(gguf);
    Tokenizer tokenizer =
        GgufVocabulary.tokenizer(tables.tokens(), tables.types(), tables.merges(), tables.pre());
    LladaConfig config = GgufConfig.read(gguf, tokenizer);
    tokenizer.requireRows(config.embeddingSize());
    LladaWeights weights =
        new WeightsReader(
                file.toString(), config, true, GgufConfig.weights(gguf), gguf::tensor, arena)
            .read();
    Optional<String> bos =
        config.bosTokenId().isPresent()
            ? tokenizer.token(config.bosTokenId().getAsInt())
            : Optional.empty();
    return new Checkpoint(
        arena,
        file,
        "GGUF v" + gguf.version(),
        config,
        adapted(weights, adapter, arena),
        gguf.entries().values(),
        Optional.of(tokenizer.withBegin(begin(gguf, config))),
        gguf.has("tokenizer.chat_template")
            ? Optional.of(gguf.string("tokenizer.chat_template"))
            : Optional.empty(),
        bos,
        () -> tables(gguf),
        gguf.string("general.name", file.getFileName().toString()));
  }

  /** LLaDA's and Ling's code encodes texts as they stand, whatever their files say. */
  private static boolean begins(LladaConfig config) {
    return config.architecture().decoding() == Architecture.Decoding.LEFT_TO_RIGHT;
  }

  /** Readers of GGUF files put the start of text before texts of LLaMA 3 unless told not to. */
  private static OptionalInt begin(Gguf gguf, LladaConfig config) {
    return begins(config) && gguf.bool("tokenizer.ggml.add_bos_token", true)
        ? config.bosTokenId()
        : OptionalInt.empty();
  }

  private static GgufVocabulary.Tables tables(Gguf gguf) {
    return new GgufVocabulary.Tables(
        gguf.strings("tokenizer.ggml.tokens"),
        gguf.ints("tokenizer.ggml.token_type"),
        gguf.strings("tokenizer.ggml.merges"),
        gguf.string("tokenizer.ggml.pre"));
  }

  /** The folder or file that was opened. */
  public Path path() {
    return path;
  }

  /** What kind of file it is, for people. */
  public String format() {
    return format;
  }

  public LladaConfig config() {
    return config;
  }

  public LladaWeights weights() {
    return weights;
  }

  /**
   * The weights under their Hugging Face names, in half-split order whatever the file's: for
   * writing. An adapter is not part of them. From a GGUF file, q and k are copied for it, once; the
   * copies live as long as the rest.
   */
  public synchronized Map<String, Tensor> weightsByName() {
    if (byName == null) {
      byName =
          (weights.ropeLayout() == RopeLayout.HALF_SPLIT
                  ? weights
                  : RopeRows.toHalfSplit(weights, arena))
              .byName();
    }
    return byName;
  }

  /** All weights in the order of the forward pass, with what a converter needs to know of each. */
  public List<NamedWeight> namedWeights() {
    return NamedWeight.of(weights);
  }

  /** What the model calls itself: the name in a GGUF file, or the folder's. */
  public String name() {
    return name;
  }

  /**
   * The tokenizer as a GGUF file holds it.
   *
   * @throws FormatException if the folder has none
   * @throws TokenizerException if it has one that GGUF cannot hold
   */
  public GgufVocabulary.Tables vocabulary() {
    return vocabulary.get();
  }

  /** The Jinja text that frames messages, whether it is LLaDA's or not. */
  public Optional<String> chatTemplateText() {
    return chatTemplate;
  }

  /** All tensors as stored, in file order. */
  public List<TensorInfo> tensors() {
    return tensors;
  }

  /**
   * The tokenizer.
   *
   * @throws FormatException if the folder has none
   */
  public Tokenizer tokenizer() {
    return tokenizer.orElseThrow(() -> noTokenizer(path));
  }

  private static FormatException noTokenizer(Path folder) {
    return new FormatException(
        folder
            + ": holds no tokenizer.json; text cannot be turned into tokens without it: copy it"
            + " from the model's repository into the folder");
  }

  /**
   * The chat template.
   *
   * @throws FormatException if there is none, or it is not LLaDA's
   */
  public ChatTemplate chatTemplate() {
    try {
      if (template == null) {
        template = ChatTemplate.require(chatTemplate, bosToken);
      }
      return template;
    } catch (TokenizerException e) {
      throw new FormatException(path + ": " + e.getMessage(), e);
    }
  }

  /**
   * The first weight that holds a NaN or an infinity, described for a message. Reads all weights.
   */
  public Optional<String> firstNonFinite() {
    return NonFinite.first(weights.byName());
  }

  @Override
  public void close() {
    NativeMemory.free(arena);
  }
}
