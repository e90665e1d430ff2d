package llada.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import llada.format.GgufWriter;
import llada.kernel.Parallel;
import llada.model.Architecture;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.Part;
import llada.model.WeightTable;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.SyntheticVocabulary;

/**
 * A model with the shape of a real one and random weights: what it computes means nothing, but it
 * takes the same files, memory and time. Weights have the root mean square 1 / sqrt(row length), so
 * that activations and logits are of ordinary size; norms lie near 1.
 *
 * @param name for {@code general.name}
 * @param config sizes and special ids
 * @param vocabulary a tokenizer that belongs to them
 * @param mix the type of each weight
 * @param head the head's type, where it is not to be the mix's
 * @param seed the weights depend on it and on the types, on nothing else
 */
public record SyntheticModel(
    String name,
    LladaConfig config,
    SyntheticVocabulary vocabulary,
    QuantizationMix mix,
    Optional<DType> head,
    long seed) {
  /** Pieces that are made at the same time, and then written. */
  private static final int BATCH = 32;

  /** Of biases, which shift a little. */
  private static final double BIAS_RMS = 0.01;

  private static final double CUSTOM_ROPE_THETA = 500000;
  private static final double CUSTOM_EPS = 1e-5;
  private static final List<String> CUSTOM_SPECIAL =
      List.of(
          "<|startoftext|>",
          "<|endoftext|>",
          "<|start_header_id|>",
          "<|end_header_id|>",
          Architecture.LLADA.endOfTurn(),
          "<|mdm_mask|>");

  /** Hears how far a file is. */
  @FunctionalInterface
  public interface Progress {
    /**
     * Called after every few megabytes.
     *
     * @param done bytes of weights that are written
     * @param total bytes of all weights
     */
    void written(long done, long total);
  }

  /**
   * Sizes of a model of one's own; its special tokens are the last six ids.
   *
   * @param dim C
   * @param layers L
   * @param heads H
   * @param kvHeads key-value heads
   * @param feedForward F
   * @param vocab V, at least 262
   * @param context the longest sequence
   */
  public record Sizes(
      int dim, int layers, int heads, int kvHeads, int feedForward, int vocab, int context) {}

  /** A published model, perhaps with another number of layers. */
  public static SyntheticModel of(
      PublishedShape shape, int layers, QuantizationMix mix, Optional<DType> head, long seed) {
    LladaConfig config = shape.config(layers);
    return new SyntheticModel(
        "synthetic " + shape,
        config,
        SyntheticVocabulary.of(config.embeddingSize(), shape.specialTokens(), shape.tokens()),
        mix,
        head,
        seed);
  }

  /**
   * A model of other sizes.
   *
   * @throws IllegalArgumentException if the sizes do not make a model
   */
  public static SyntheticModel of(
      Sizes sizes, QuantizationMix mix, Optional<DType> head, long seed) {
    int vocab = sizes.vocab();
    int first = vocab - CUSTOM_SPECIAL.size();
    Map<Integer, String> special = new LinkedHashMap<>();
    for (int i = 0; i < CUSTOM_SPECIAL.size(); i++) {
      special.put(first + i, CUSTOM_SPECIAL.get(i));
    }
    SyntheticVocabulary vocabulary = SyntheticVocabulary.of(vocab, special, vocab);
    LladaConfig config =
        new LladaConfig(
            sizes.dim(),
            sizes.layers(),
            sizes.heads(),
            sizes.kvHeads(),
            sizes.feedForward(),
            vocab,
            vocab,
            sizes.context(),
            CUSTOM_ROPE_THETA,
            CUSTOM_EPS,
            false,
            vocab - 1,
            first + 1,
            first + 1,
            OptionalInt.of(vocab - 2),
            OptionalInt.of(first));
    return new SyntheticModel("synthetic", config, vocabulary, mix, head, seed);
  }

  private record Weight(WeightTable.Row row, DType type) {
    Shape shape() {
      return row.stackedShape();
    }
  }

  private List<Weight> all() {
    return WeightTable.of(config).stream()
        .map(row -> new Weight(row, mix.of(row, config.nLayers(), config.weightTying(), head)))
        .toList();
  }

  /**
   * Writes a GGUF file, whole or not at all.
   *
   * @param parallel makes the weights; they do not depend on it
   * @throws llada.format.FormatException if the disk is full or the file cannot be written
   */
  public void write(Path file, Parallel parallel, Progress progress) {
    GgufWriter writer = new GgufWriter();
    boolean begins =
        config.architecture() == Architecture.LLADA || config.architecture() == Architecture.LLAMA;
    GgufConfig.write(writer, config, name, mix.fileType(), begins);
    writer.string("tokenizer.ggml.pre", pre());
    if (config.architecture().endOfTurn().equals(Architecture.LLADA.endOfTurn())) {
      writer.string("tokenizer.chat_template", ChatTemplate.jinja());
    }
    writer
        .strings("tokenizer.ggml.tokens", vocabulary.tokens())
        .int32s("tokenizer.ggml.token_type", vocabulary.types())
        .strings("tokenizer.ggml.merges", vocabulary.merges());
    List<Weight> weights = all();
    weights.forEach(w -> writer.tensor(w.row().gguf(), w.type(), w.shape()));
    Map<String, Weight> byName = new LinkedHashMap<>();
    weights.forEach(w -> byName.put(w.row().gguf(), w));
    RandomWeights random = new RandomWeights(seed);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment buffer =
          arena.allocate(BATCH * DType.F32.bytes(RandomWeights.PIECE), Tensor.ALIGNMENT);
      writer.write(
          file,
          (tensor, out) -> {
            Weight weight = byName.get(tensor.name());
            long batch = BATCH * weight.type().bytes(RandomWeights.PIECE);
            for (long at = 0, piece = 0; at < tensor.bytes(); at += batch, piece += BATCH) {
              MemorySegment part = buffer.asSlice(0, Math.min(batch, tensor.bytes() - at));
              fill(random, weight, part, piece, parallel);
              out.write(part);
              progress.written(tensor.begin() + at + part.byteSize(), writer.dataBytes());
            }
          });
    }
  }

  /** By which other programs know how this architecture splits text. */
  private String pre() {
    return switch (config.architecture()) {
      case LLADA -> SyntheticVocabulary.PRE;
      case LLADA_MOE -> "llada-moe";
      case LLADA2 -> "bailingmoe2";
      case LLAMA -> "llama-bpe";
    };
  }

  /** Fills consecutive pieces of a weight, from {@code first} on. */
  private void fill(
      RandomWeights random, Weight weight, MemorySegment out, long first, Parallel parallel) {
    String name = weight.row().gguf();
    if (weight.row().part().norm()) {
      random.fillNorm(out, name);
      return;
    }
    boolean bias = weight.shape().rank() == 1;
    // Tokens must differ in what a router sees, more than what attention adds to all of them alike.
    boolean apart = config.hasExperts() && weight.row().part() == Part.EMBEDDING;
    double rms = apart ? 1 : bias ? BIAS_RMS : 1 / Math.sqrt((double) weight.shape().dim(-1));
    long pieceBytes = weight.type().bytes(RandomWeights.PIECE);
    parallel.forEach(
        Math.toIntExact(Math.ceilDiv(out.byteSize(), pieceBytes)),
        (i, _) -> {
          long begin = i * pieceBytes;
          MemorySegment piece = out.asSlice(begin, Math.min(pieceBytes, out.byteSize() - begin));
          random.fill(piece, weight.type(), name, first + i, rms);
        });
  }

  /**
   * The weights in memory, for measurements without a file. The rows of q and k are those of the
   * file without its reordering, so the logits are not the file's.
   *
   * @param arena owns them
   */
  public LladaWeights weights(Arena arena, Parallel parallel) {
    RandomWeights random = new RandomWeights(seed);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (Weight weight : all()) {
      Tensor tensor = Tensor.allocate(arena, weight.type(), weight.shape().toArray());
      fill(random, weight, tensor.data(), 0, parallel);
      tensors.put(weight.row().gguf(), tensor);
    }
    return new WeightsReader(name, config, true, tensors.keySet(), tensors::get, arena).read();
  }

  /** The weights as {@link Checkpoint#tensors} lists those of a file, for estimates. */
  public List<Checkpoint.TensorInfo> tensors() {
    return all().stream()
        .map(
            w ->
                new Checkpoint.TensorInfo(
                    w.row().gguf(), w.type().name(), w.shape(), w.type().bytes(w.shape())))
        .toList();
  }
}
