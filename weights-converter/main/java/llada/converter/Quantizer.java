package llada.converter;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import llada.api.RequestException;
import llada.checkpoint.QuantizationMix;
import llada.format.FormatException;
import llada.format.SafetensorsShards;
import llada.tensor.DType;

/**
 * A model as a GGUF file of a smaller type: {@link Converter} with a mixture that must be named.
 *
 * <pre>{@code
 * Importance importance = Importance.read(Path.of("llada.imatrix.gguf")); // or Importance.NONE
 * Quantizer.quantize(
 *     Path.of("llada-bf16.gguf"),
 *     Path.of("llada-q4_k_m.gguf"),
 *     Quantizer.Settings.of(QuantizationMix.Q4_K_M).importance(importance),
 *     Progress.NONE);
 * }</pre>
 *
 * <p>Any number of threads may quantise at once; the bytes that are written do not depend on the
 * threads that compute.
 */
public final class Quantizer {
  private Quantizer() {}

  /**
   * What to make.
   *
   * @param mix the types of the weights
   * @param head the type of the output matrix, if not the mixture's
   * @param importance of columns, for types that search
   * @param threads that compute
   */
  public record Settings(
      QuantizationMix mix, Optional<DType> head, Importance importance, int threads) {
    /**
     * Checks.
     *
     * @throws RequestException if there is no thread, or the head's type is only read
     */
    public Settings {
      Job.requireWritten(head);
      Job.requirePositive("threads", threads);
    }

    /** A mixture as it is, all columns alike, on all processors. */
    public static Settings of(QuantizationMix mix) {
      return new Settings(
          mix, Optional.empty(), Importance.NONE, Runtime.getRuntime().availableProcessors());
    }

    /** This with a type of its own for the output matrix. */
    public Settings head(DType type) {
      return new Settings(mix, Optional.of(type), importance, threads);
    }

    /** This with the importance of the columns. */
    public Settings importance(Importance columns) {
      return new Settings(mix, head, columns, threads);
    }

    /** This with as many threads. */
    public Settings threads(int count) {
      return new Settings(mix, head, importance, count);
    }
  }

  /**
   * Quantises. What was rounded once is rounded again: the original weights give the better file.
   *
   * @param source a GGUF file or a Hugging Face folder
   * @param target a file that ends in .gguf; one of that name is replaced
   * @throws FormatException if the source is not a model that can be used, the target cannot be
   *     written, the importance is another model's, or a number does not fit the type; then the
   *     target is what it was before
   * @throws RequestException if the target's name does not end in .gguf
   * @throws CancellationException if the thread is interrupted, and stays so; the target is then
   *     complete or what it was before
   */
  public static void quantize(Path source, Path target, Settings settings, Progress progress) {
    if (!Converter.isGguf(target)) {
      throw new RequestException(
          "the target is %s; it must be a GGUF file, whose name ends in .gguf".formatted(target));
    }
    Converter.convert(
        source,
        target,
        new Converter.Settings(
            Optional.of(settings.mix),
            settings.head,
            settings.importance,
            SafetensorsShards.SHARD_BYTES,
            settings.threads),
        progress);
  }
}
