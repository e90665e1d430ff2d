package llada.converter;

import java.nio.file.Path;
import java.util.concurrent.CancellationException;
import llada.api.RequestException;
import llada.format.FormatException;

/**
 * A model as a GGUF file of a smaller type: {@link Converter} with a mixture that must be named.
 *
 * <pre>{@code
 * Importance importance = Importance.read(Path.of("llada.imatrix.gguf")); // or Importance.NONE
 * Quantizer.quantize(
 *     Path.of("llada-bf16.gguf"),
 *     Path.of("llada-q4_k_m.gguf"),
 *     Converter.Settings.of(QuantizationMix.Q4_K_M).importance(importance),
 *     Progress.NONE);
 * }</pre>
 *
 * <p>Any number of threads may quantise at once; the bytes that are written do not depend on the
 * threads that compute.
 */
public final class Quantizer {
  private Quantizer() {}

  /**
   * Quantises. What was rounded once is rounded again: the original weights give the better file.
   *
   * @param source a GGUF file or a Hugging Face folder
   * @param target a file that ends in .gguf; one of that name is replaced
   * @throws FormatException if the source is not a model that can be used, the target cannot be
   *     written, the importance is another model's, or a number does not fit the type; then the
   *     target is what it was before
   * @throws RequestException if no mixture is named, or the target's name does not end in .gguf
   * @throws CancellationException if the thread is interrupted, and stays so; the target is then
   *     complete or what it was before
   */
  public static void quantize(
      Path source, Path target, Converter.Settings settings, Progress progress) {
    if (settings.mix().isEmpty()) {
      throw new RequestException("the settings name no mixture of types; name one");
    }
    if (!Converter.isGguf(target)) {
      throw new RequestException(
          "the target is %s; it must be a GGUF file, whose name ends in .gguf".formatted(target));
    }
    Converter.convert(source, target, settings, progress);
  }
}
