package llada.kernel.machine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumSet;
import java.util.Random;
import java.util.Set;
import llada.kernel.Kernels;
import llada.kernel.ScalarKernels;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * Multiplies a small matrix of each weight type at start and compares with the scalar reference: a
 * processor or a virtual machine may promise an instruction and get it wrong.
 *
 * <p>The activations are whole numbers of which one in each chunk is 127, so that rounding them to
 * bytes or bfloat16 changes nothing and the results must agree but for the order of sums.
 */
final class SelfCheck {
  private static final int CHANNELS = 256;
  private static final int ROWS = 2;
  private static final int TOKENS = 17; // one more than a vector: both sizes of panel are tried

  private SelfCheck() {}

  /** Those of {@code dtypes} that come out wrong. */
  static Set<DType> run(Kernels kernels, Set<DType> dtypes) {
    Set<DType> wrong = EnumSet.noneOf(DType.class);
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = Tensor.allocate(arena, DType.F32, TOKENS, CHANNELS);
      Random random = new Random(1);
      for (int k = 0; k < CHANNELS; k++) {
        float first = k == 0 ? 127 : random.nextInt(255) - 127;
        float last = k == 1 ? -127 : random.nextInt(255) - 127;
        for (int t = 0; t < TOKENS; t++) {
          x.set((long) t * CHANNELS + k, t == 0 ? first : last);
        }
      }
      for (DType dtype : dtypes) {
        Tensor weight = weight(arena, dtype, random);
        if (!agrees(kernels, arena, x.rows(0, 1), weight) || !agrees(kernels, arena, x, weight)) {
          wrong.add(dtype);
        }
      }
    }
    return wrong;
  }

  /** First and last token only; those between repeat the last. */
  private static boolean agrees(Kernels kernels, Arena arena, Tensor x, Tensor weight) {
    int tokens = x.dim(0);
    Tensor out = Tensor.allocate(arena, DType.F32, tokens, ROWS);
    Tensor expected = Tensor.allocate(arena, DType.F32, 1, ROWS);
    kernels.matmul(out, x, weight);
    float[] w = weight.toArray();
    boolean agrees = true;
    for (int t : new int[] {0, tokens - 1}) {
      new ScalarKernels().matmul(expected, x.rows(t, 1), weight);
      for (int r = 0; r < ROWS; r++) {
        double size = 0;
        for (int k = 0; k < CHANNELS; k++) {
          size += Math.abs(w[r * CHANNELS + k]) * 127;
        }
        // A sum of K products in another order: within K roundings of the sum of sizes, and
        // bfloat16 flushes what is below 2^-126.
        double bound = CHANNELS * 0x1p-23 * size + 0x1p-118;
        float found = out.get((long) t * ROWS + r);
        agrees &= Math.abs(found - expected.get(r)) <= bound;
      }
    }
    return agrees;
  }

  /** Random bytes, as long as they are finite weights of ordinary size. */
  private static Tensor weight(Arena arena, DType dtype, Random random) {
    Tensor weight = Tensor.allocate(arena, dtype, ROWS, CHANNELS);
    MemorySegment data = weight.data();
    byte[] block = new byte[dtype.blockBytes()];
    float[] decoded = new float[dtype.blockLength()];
    for (long at = 0; at < data.byteSize(); at += block.length) {
      boolean usable;
      do {
        random.nextBytes(block);
        MemorySegment.copy(block, 0, data, ValueLayout.JAVA_BYTE, at, block.length);
        dtype.decode(data.asSlice(at, block.length), 0, decoded, 0, decoded.length);
        usable = true;
        for (float value : decoded) {
          usable &= Math.abs(value) < 1000; // false for NaN
        }
      } while (!usable);
    }
    return weight;
  }
}
