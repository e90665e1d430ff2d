package llada.converter;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
import llada.kernel.Parallel;
import llada.kernel.scalar.RopeLayout;
import llada.tensor.DType;

/**
 * A model of either format in either format: a GGUF file in any mixture of types, or a Hugging Face
 * folder of float32, float16 or bfloat16. The target appears whole or not at all.
 *
 * <pre>
 *   Checkpoint.open   names, shapes and configuration are checked against each other
 *   {@link WeightStream}      decode, move rows of q and k, encode; a few megabytes at a time
 *   GgufWriter, SafetensorsShards
 * </pre>
 */
public final class Converter {
  private Converter() {}

  /**
   * What to make.
   *
   * @param mix the types of the weights
   * @param head the type of the head, if not the mixture's
   * @param importance of columns, for types that search
   * @param shardBytes most bytes of a safetensors file
   */
  public record Options(
      QuantizationMix mix, Optional<DType> head, Importance importance, long shardBytes) {
    static Options of(QuantizationMix mix) {
      return new Options(mix, Optional.empty(), Importance.NONE, SafetensorsShards.SHARD_BYTES);
    }
  }

  /** Whether a path means a GGUF file; anything else is a folder. */
  public static boolean isGguf(Path target) {
    return target.toString().toLowerCase(java.util.Locale.ROOT).endsWith(".gguf");
  }

  /** Bytes of all weights as they are stored. */
  public static long bytes(Checkpoint model) {
    return model.namedWeights().stream().mapToLong(w -> w.tensor().data().byteSize()).sum();
  }

  /**
   * Converts.
   *
   * @throws FormatException if the target cannot be written, the disk has no room, which is checked
   *     first, or a number does not fit the type; then there is no target
   */
  public static void run(
      Checkpoint source, Path target, Options options, Parallel parallel, Progress progress) {
    if (isGguf(target)) {
      gguf(source, target, options, parallel, progress);
    } else {
      folder(source, target, options, parallel, progress);
    }
  }

  private static void gguf(
      Checkpoint source, Path target, Options options, Parallel parallel, Progress progress) {
    GgufWriter writer = GgufModel.metadata(source, options.mix());
    Map<String, NamedWeight> weights = new LinkedHashMap<>();
    for (NamedWeight weight : source.namedWeights()) {
      weights.put(weight.ggufName(), weight);
      DType type =
          GgufModel.type(
              options.mix(),
              weight,
              source.config().nLayers(),
              source.config().weightTying(),
              options.head());
      writer.tensor(weight.ggufName(), type, weight.tensor().shape());
    }
    try (WeightStream stream =
        new WeightStream(
            weights, GgufModel.ROPE_LAYOUT, options.importance(), parallel, progress)) {
      writer.write(target, stream);
    }
  }

  private static void folder(
      Checkpoint source, Path target, Options options, Parallel parallel, Progress progress) {
    DType type =
        switch (options.mix()) {
          case F32 -> DType.F32;
          case F16 -> DType.F16;
          case BF16 -> DType.BF16;
          default ->
              throw new FormatException(
                  "%s: a Hugging Face folder holds f32, f16 or bf16, not %s; give a target that ends in .gguf"
                      .formatted(target, options.mix()));
        };
    HuggingFaceFolder.requireNew(target);
    Map<String, NamedWeight> weights = new LinkedHashMap<>();
    List<TensorEntry> entries = new ArrayList<>();
    for (NamedWeight weight : source.namedWeights()) {
      weights.put(weight.huggingFaceName(), weight);
      entries.add(TensorEntry.of(weight.huggingFaceName(), type, weight.tensor().shape()));
    }
    AtomicFile.requireSpace(target, entries.stream().mapToLong(TensorEntry::bytes).sum());
    try (WeightStream stream =
        new WeightStream(weights, RopeLayout.HALF_SPLIT, Importance.NONE, parallel, progress)) {
      HuggingFaceFolder.write(
          target,
          source,
          folder -> SafetensorsShards.write(folder, entries, options.shardBytes(), stream));
    }
  }
}
