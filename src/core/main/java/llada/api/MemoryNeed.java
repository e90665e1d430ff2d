package llada.api;

import java.util.List;
import java.util.Locale;
import llada.checkpoint.Checkpoint;
import llada.model.ActivationCache;
import llada.model.FeedForwardConfig;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * An estimate of the memory that a model takes.
 *
 * @param parameters number of weights
 * @param weightBytes their size in the file, which is mapped, not copied
 * @param activationBytes the buffers of one forward pass
 */
public record MemoryNeed(long parameters, long weightBytes, long activationBytes) {

  /**
   * Estimates.
   *
   * @param tokens prompt and answer together
   */
  public static MemoryNeed of(LladaConfig config, List<Checkpoint.TensorInfo> tensors, int tokens) {
    long parameters = 0;
    long bytes = 0;
    for (Checkpoint.TensorInfo tensor : tensors) {
      parameters += tensor.shape().elements();
      bytes += tensor.bytes();
    }
    return new MemoryNeed(parameters, bytes, activationBytes(config, tokens));
  }

  /**
   * Float32 rows for each token: stream, norm and delta, and the two of the head; queries and
   * context; keys and values; gate and up of the widest layer; the packed input of a matrix
   * product; those of experts; and the logits, the largest part where the vocabulary is big.
   */
  private static long activationBytes(LladaConfig config, int tokens) {
    long kv = config.kvChannels();
    int shared = config.experts().map(FeedForwardConfig.Experts::sharedHidden).orElse(0);
    long hidden = Math.max(config.mlpHiddenSize(), shared);
    long packed = Math.max(config.dModel(), hidden);
    long row =
        5L * config.dModel()
            + 2L * config.attention().channels()
            + 2 * kv
            + 2 * hidden
            + packed
            + config.embeddingSize();
    return (row * Float.BYTES + config.expertBytesPerToken()) * tokens;
  }

  /** What to say when there is no room for the buffers of that many tokens. */
  static OutOfMemoryError tooMuch(
      LladaConfig config, LladaWeights weights, int tokens, OutOfMemoryError cause) {
    long bytes = weights.tensors().stream().mapToLong(Tensor::bytes).sum();
    OutOfMemoryError clearer =
        new OutOfMemoryError(
            "%d tokens need about %s of buffers beside %s of weights"
                .formatted(tokens, text(activationBytes(config, tokens)), text(bytes)));
    clearer.initCause(cause);
    return clearer;
  }

  /** Bytes of the keys and values of one token over all layers, in float32. */
  public static long kvBytesPerToken(LladaConfig config) {
    return ActivationCache.bytesPerToken(config, DType.F32);
  }

  /** Weights and buffers together. */
  public long bytes() {
    return weightBytes + activationBytes;
  }

  /** A number of bytes as people write it: 4.1 MiB. */
  public static String text(long bytes) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
    double number = bytes;
    int unit = 0;
    while (number >= 1024 && unit < units.length - 1) {
      number /= 1024;
      unit++;
    }
    return unit == 0
        ? bytes + " B"
        : String.format(Locale.ROOT, number < 100 ? "%.1f %s" : "%.0f %s", number, units[unit]);
  }
}
