package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import llada.tensor.DType;
import llada.tensor.Tensor;

/** One worker's memory for intermediate values. It only grows, so steady work allocates nothing. */
final class Scratch {
  private float[] sums = new float[0];
  private float[] weights = new float[0];
  private float[] inputs = new float[0];
  private float[] parts = new float[0];
  private float[] values = new float[0];
  private float[] state = new float[0];
  private short[] shorts = new short[0];
  private byte[] bytes = new byte[0];

  /** For {@link Packing}. */
  final float[] square = new float[2 * Lanes.COUNT * Lanes.COUNT];

  /** At least {@code count} numbers for sums; what was there before is lost, but not zeroed. */
  float[] sums(long count) {
    sums = grown(sums, count);
    return sums;
  }

  /** The same for expanded weights, or keys and values. */
  float[] weights(long count) {
    weights = grown(weights, count);
    return weights;
  }

  /** The same for packed inputs; in matmul the first worker's scratch lends it to all. */
  float[] inputs(long count) {
    inputs = grown(inputs, count);
    return inputs;
  }

  /** For scores and exponentials. */
  float[] parts(long count) {
    parts = grown(parts, count);
    return parts;
  }

  /** For values, beside keys. */
  float[] values(long count) {
    values = grown(values, count);
    return values;
  }

  /** For maxima and sums of {@link OnlineSoftmax}. */
  float[] state(long count) {
    state = grown(state, count);
    return state;
  }

  /** For stored 16-bit numbers. */
  short[] shorts(int count) {
    shorts = shorts.length >= count ? shorts : new short[count];
    return shorts;
  }

  /** For stored blocks. */
  byte[] bytes(int count) {
    bytes = bytes.length >= count ? bytes : new byte[count];
    return bytes;
  }

  /** A tensor in float32: itself if it is that, else decoded. */
  MemorySegment floats(Tensor tensor) {
    if (tensor.dtype() == DType.F32) {
      return tensor.data();
    }
    int count = Math.toIntExact(tensor.shape().elements());
    float[] decoded = weights(count);
    tensor.dtype().decode(tensor.data(), 0, decoded, 0, count);
    return MemorySegment.ofArray(decoded);
  }

  private static float[] grown(float[] array, long count) {
    return array.length >= count ? array : new float[Math.toIntExact(count)];
  }
}
