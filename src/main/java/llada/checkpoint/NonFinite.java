package llada.checkpoint;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import llada.checkpoint.TensorNames.Part;
import llada.model.BlockWeights;
import llada.model.LladaWeights;
import llada.tensor.Tensor;

/** Looks for the weight that spoils the logits, once they are found to be no numbers. */
final class NonFinite {
  private static final int CHUNK = 1 << 16;

  private NonFinite() {}

  /** The first weight that is NaN or infinite, with its tensor under its Hugging Face name. */
  static Optional<String> first(LladaWeights weights) {
    TensorNames names = TensorNames.HUGGING_FACE;
    Map<String, Tensor> all = new LinkedHashMap<>();
    all.put(names.embedding(), weights.embedding());
    for (int layer = 0; layer < weights.blocks().size(); layer++) {
      BlockWeights b = weights.blocks().get(layer);
      all.put(names.of(layer, Part.ATTN_NORM), b.attnNorm());
      all.put(names.of(layer, Part.Q_PROJ), b.qProj());
      all.put(names.of(layer, Part.K_PROJ), b.kProj());
      all.put(names.of(layer, Part.V_PROJ), b.vProj());
      all.put(names.of(layer, Part.ATTN_OUT), b.attnOut());
      all.put(names.of(layer, Part.FF_NORM), b.ffNorm());
      all.put(names.of(layer, Part.FF_PROJ), b.ffProj());
      all.put(names.of(layer, Part.UP_PROJ), b.upProj());
      all.put(names.of(layer, Part.FF_OUT), b.ffOut());
    }
    all.put(names.finalNorm(), weights.finalNorm());
    all.put(names.head(), weights.head());
    for (Map.Entry<String, Tensor> entry : all.entrySet()) {
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
      tensor.dtype().decode(tensor.data(), start, values, 0, count);
      for (int i = 0; i < count; i++) {
        if (!Float.isFinite(values[i])) {
          return start + i;
        }
      }
    }
    return -1;
  }
}
