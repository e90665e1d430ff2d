package llada.converter;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import llada.api.RequestException;
import llada.backend.ThreadPool;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.GgufModel;
import llada.checkpoint.HuggingFaceFolder;
import llada.checkpoint.NamedWeight;
import llada.checkpoint.QuantizationMix;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.format.GgufWriter;
import llada.format.SafetensorsShards;
import llada.format.TensorEntry;
import llada.kernel.scalar.RopeLayout;
import llada.model.LladaConfig;
import llada.model.Part;
import llada.model.WeightTable;
import llada.tensor.DType;

/**
 * A model of either format in either format: a GGUF file in any mixture of types, or a Hugging Face
 * folder of float32, float16 or bfloat16. The target appears whole or not at all.
 *
 * <pre>{@code
 * Converter.convert(
 *     Path.of("LLaDA-8B-Instruct"),
 *     Path.of("llada.gguf"),
 *     Converter.Settings.of(QuantizationMix.Q8_0),
 *     (done, total) -> System.err.println(100 * done / total + " %"));
 * }</pre>
 *
 * <p>How: {@link Checkpoint#open} checks names, shapes and configuration against each other; {@code
 * WeightStream} decodes, moves rows of q and k and encodes, a few megabytes at a time; {@link
 * GgufWriter} or {@link SafetensorsShards} writes. Any number of threads may convert at once; the
 * bytes that are written do not depend on the threads that compute.
 */
public final class Converter {
  private Converter() {}

  /**
   * What to make.
   *
   * @param mix the types of the weights; none for {@link #mixOf} the source
   * @param head the type of the output matrix of a GGUF file, if not the mixture's
   * @param importance of columns, for types that search
   * @param shardBytes most bytes of a safetensors file
   * @param threads that compute
   */
  public record Settings(
      Optional<QuantizationMix> mix,
      Optional<DType> head,
      Importance importance,
      long shardBytes,
      int threads) {
    /** The source's own type, in shards of 5 GB, on all processors. */
    public static final Settings DEFAULT =
        new Settings(
            Optional.empty(),
            Optional.empty(),
            Importance.NONE,
            SafetensorsShards.SHARD_BYTES,
            Runtime.getRuntime().availableProcessors());

    /**
     * Checks.
     *
     * @throws RequestException if a number is not positive, or the head's type is only read
     */
    public Settings {
      if (head.isPresent() && !DType.written().contains(head.get())) {
        throw new RequestException(
            "head is %s, which is only read; the types that are written are %s"
                .formatted(head.get(), DType.written()));
      }
      Job.requirePositive("shardBytes", shardBytes);
      Job.requirePositive("threads", threads);
    }

    /** A mixture of types, else the defaults. */
    public static Settings of(QuantizationMix mix) {
      return DEFAULT.mix(mix);
    }

    /** This with a mixture of types. */
    public Settings mix(QuantizationMix types) {
      return new Settings(Optional.of(types), head, importance, shardBytes, threads);
    }

    /** This with a type of its own for the output matrix. */
    public Settings head(DType type) {
      return new Settings(mix, Optional.of(type), importance, shardBytes, threads);
    }

    /** This with the importance of the columns. */
    public Settings importance(Importance columns) {
      return new Settings(mix, head, columns, shardBytes, threads);
    }

    /** This with as many threads. */
    public Settings threads(int count) {
      return new Settings(mix, head, importance, shardBytes, count);
    }
  }

  /** Whether a path means a GGUF file; anything else is a folder. */
  public static boolean isGguf(Path target) {
    return target.toString().toLowerCase(Locale.ROOT).endsWith(".gguf");
  }

  /** The type that keeps a model's floats: its own, float32 if it has several, else bfloat16. */
  public static QuantizationMix mixOf(Checkpoint model) {
    Set<DType> types = EnumSet.noneOf(DType.class);
    model.namedWeights().stream()
        .filter(weight -> !weight.staysFloat32())
        .forEach(weight -> types.add(weight.tensor().dtype()));
    if (types.equals(Set.of(DType.F16))) {
      return QuantizationMix.F16;
    }
    types.removeIf(type -> type == DType.BF16 || type.blockLength() > 1);
    return types.isEmpty() ? QuantizationMix.BF16 : QuantizationMix.F32;
  }

  /** Bytes of all weights as they are stored. */
  static long bytes(Checkpoint model) {
    return model.namedWeights().stream().mapToLong(w -> w.tensor().data().byteSize()).sum();
  }

  /**
   * Opens and converts a model.
   *
   * @param source a Hugging Face folder or a GGUF file
   * @param target as in {@link #convert(Checkpoint, Path, Settings, Progress)}
   * @return the mixture that was written
   * @throws FormatException also if the source is not a model that can be used
   */
  public static QuantizationMix convert(
      Path source, Path target, Settings settings, Progress progress) {
    return Job.run(
        () -> {
          try (Checkpoint model = Checkpoint.open(source)) {
            return convert(model, target, settings, progress);
          }
        });
  }

  /**
   * Converts a model that is open and stays so.
   *
   * @param target a file that ends in .gguf, which is replaced, or a new folder
   * @return the mixture that was written
   * @throws FormatException if the target cannot be written, the disk has no room, which is checked
   *     first, or a number does not fit the type; then the target is what it was before
   * @throws RequestException if settings and target do not go together
   * @throws CancellationException if the thread is interrupted, and stays so; the target is then
   *     complete or what it was before
   */
  public static QuantizationMix convert(
      Checkpoint source, Path target, Settings settings, Progress progress) {
    QuantizationMix mix = settings.mix.orElseGet(() -> mixOf(source));
    return Job.run(
        () -> {
          if (isGguf(target)) {
            gguf(source, target, mix, settings, progress);
          } else {
            folder(source, target, mix, settings, progress);
          }
          return mix;
        });
  }

  private static void gguf(
      Checkpoint source, Path target, QuantizationMix mix, Settings settings, Progress progress) {
    GgufWriter writer = GgufModel.metadata(source, mix);
    LladaConfig config = source.config();
    Map<String, List<NamedWeight>> weights = new LinkedHashMap<>();
    for (NamedWeight weight : source.namedWeights()) {
      weights.computeIfAbsent(weight.ggufName(), _ -> new ArrayList<>()).add(weight);
      if (weight.expert() == 0) {
        WeightTable.Row row = weight.row();
        DType type = mix.of(row, config.nLayers(), config.weightTying(), settings.head);
        writer.tensor(row.gguf(), type, row.stackedShape());
      }
    }
    RopeLayout layout = config.architecture().ggufLayout();
    Job job = new Job(progress, bytes(source));
    try (ThreadPool pool = new ThreadPool(settings.threads);
        WeightStream stream = new WeightStream(weights, layout, settings.importance, pool, job)) {
      writer.write(target, stream);
    }
  }

  private static void folder(
      Checkpoint source, Path target, QuantizationMix mix, Settings settings, Progress progress) {
    DType type =
        switch (mix) {
          case F32 -> DType.F32;
          case F16 -> DType.F16;
          case BF16 -> DType.BF16;
          default ->
              throw new FormatException(
                  "%s: a Hugging Face folder holds f32, f16 or bf16, not %s; give a target that ends in .gguf"
                      .formatted(target, mix));
        };
    if (settings.head.isPresent()) {
      throw new RequestException(
          "head is %s, but a folder has one type for all weights; give a target that ends in .gguf"
              .formatted(settings.head.get()));
    }
    HuggingFaceFolder.requireNew(target);
    Map<String, List<NamedWeight>> weights = new LinkedHashMap<>();
    List<TensorEntry> entries = new ArrayList<>();
    for (NamedWeight weight : source.namedWeights()) {
      weights.put(weight.huggingFaceName(), List.of(weight));
      DType own = weight.row().part() == Part.ROUTER_BIAS ? DType.F32 : type; // as published
      entries.add(TensorEntry.of(weight.huggingFaceName(), own, weight.tensor().shape()));
    }
    AtomicFile.requireSpace(target, entries.stream().mapToLong(TensorEntry::bytes).sum());
    Job job = new Job(progress, bytes(source));
    try (ThreadPool pool = new ThreadPool(settings.threads);
        WeightStream stream =
            new WeightStream(weights, RopeLayout.HALF_SPLIT, Importance.NONE, pool, job)) {
      HuggingFaceFolder.write(
          target,
          source,
          folder -> SafetensorsShards.write(folder, entries, settings.shardBytes, stream));
    }
  }
}
