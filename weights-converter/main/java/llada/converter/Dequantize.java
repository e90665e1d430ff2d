package llada.converter;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.HuggingFaceFolder;
import llada.format.FormatException;
import llada.tensor.DType;
import llada.tensor.Floats;
import llada.tensor.Tensor;

/**
 * A checkpoint of any type, GGUF or folder, as a Hugging Face folder of float32 or bfloat16. The
 * tensors are expanded in memory, so this is for models that fit there.
 */
public final class Dequantize {
  private static final int CHUNK = 1 << 16;

  private Dequantize() {}

  /**
   * Converts. A folder's tokenizer files are copied; a GGUF file's tokenizer is not written.
   *
   * @param type F32 or BF16
   * @throws FormatException if the source is no LLaDA or the target cannot be written; nothing is
   *     left under {@code target} then
   */
  public static void run(Path source, Path target, DType type) {
    if (type != DType.F32 && type != DType.BF16) {
      throw new FormatException("type is " + type + "; F32 and BF16 are supported");
    }
    HuggingFaceFolder.requireNew(target);
    try (Checkpoint checkpoint = Checkpoint.open(source);
        Arena arena = Arena.ofShared()) {
      Map<String, Tensor> converted = new LinkedHashMap<>();
      checkpoint
          .weightsByName()
          .forEach((name, tensor) -> converted.put(name, convert(tensor, type, arena)));
      HuggingFaceFolder.write(target, checkpoint.config(), converted, source);
    }
  }

  private static Tensor convert(Tensor tensor, DType type, Arena arena) {
    if (tensor.dtype() == type) {
      return tensor;
    }
    Tensor out = Tensor.allocate(arena, type, tensor.shape().toArray());
    float[] values = new float[CHUNK];
    long elements = tensor.shape().elements();
    for (long start = 0; start < elements; start += CHUNK) {
      int count = (int) Math.min(CHUNK, elements - start);
      tensor.dtype().decode(tensor.data(), start, values, 0, count);
      for (int i = 0; i < count; i++) {
        if (type == DType.F32) {
          out.set(start + i, values[i]);
        } else {
          out.data().setAtIndex(ValueLayout.JAVA_SHORT, start + i, Floats.floatToBf16(values[i]));
        }
      }
    }
    return out;
  }
}
