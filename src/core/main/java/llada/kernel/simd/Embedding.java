package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.VectorMask;
import llada.tensor.Tensor;

/**
 * The gradient of {@link llada.kernel.scalar.Embedding} on vectors. Workers share the channels, not
 * the tokens: two tokens may be the same, and their order must not depend on the workers.
 */
final class Embedding {
  /** Channels of a task. */
  static final int CHANNELS = 64;

  private Embedding() {}

  /** dTable[ids[t]] += dOut[t], for channels {@code from} to {@code to}. */
  static void backward(Tensor dTable, int[] ids, Tensor dOut, int from, int to) {
    int c = dTable.dim(1);
    MemorySegment table = dTable.data();
    for (int t = 0; t < ids.length; t++) {
      for (int i = from; i < to; i += Lanes.COUNT) {
        VectorMask<Float> mask = Lanes.tail(i, to);
        long at = (long) ids[t] * c + i;
        Lanes.store(
            Lanes.load(table, at, mask).add(Lanes.load(dOut.data(), (long) t * c + i, mask)),
            table,
            at,
            mask);
      }
    }
  }
}
