package llada.kernel.simd;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import llada.tensor.Tensor;

/** One worker's memory for intermediate values. It only grows, so steady work allocates nothing. */
final class Scratch {
  private MemorySegment segment = MemorySegment.NULL;
  private float[] row = new float[0];

  /** At least {@code floats} float32 numbers off the heap; what was there before is lost. */
  MemorySegment floats(long floats) {
    if (segment.byteSize() < floats * Float.BYTES) {
      segment = Arena.ofAuto().allocate(floats * Float.BYTES, Tensor.ALIGNMENT);
    }
    return segment;
  }

  /** An array of at least {@code length}, for the scalar decoders. */
  float[] row(int length) {
    if (row.length < length) {
      row = new float[length];
    }
    return row;
  }
}
