package llada.checkpoint;

import java.util.Map;
import java.util.Optional;
import llada.tensor.Tensor;

/** Looks for the weight that spoils the logits, or that must not be saved. */
public final class NonFinite {
  private static final int CHUNK = 1 << 16;

  private NonFinite() {}

  /** The first number that is NaN or infinite, described for a message. */
  public static Optional<String> first(Map<String, Tensor> byName) {
    for (Map.Entry<String, Tensor> entry : byName.entrySet()) {
      long at = first(entry.getValue());
      if (at >= 0) {
        return Optional.of(
            "tensor %s holds %s at element %d"
                .formatted(entry.getKey(), entry.getValue().get(at), at));
      }
    }
    return Optional.empty();
  }

  private static long first(Tensor tensor) {
    float[] values = new float[CHUNK];
    long elements = tensor.shape().elements();
    for (long start = 0; start < elements; start += CHUNK) {
      int count = (int) Math.min(CHUNK, elements - start);
      tensor.dtype().decode(tensor.reading(), start, values, 0, count);
      for (int i = 0; i < count; i++) {
        if (!Float.isFinite(values[i])) {
          return start + i;
        }
      }
    }
    return -1;
  }
}
