package llada.kernel.machine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import llada.kernel.ScalarKernels;
import llada.tensor.DType;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tensor.Tensor;

/**
 * Multiplies a small matrix of a weight type before its first use and compares with the scalar
 * reference: a processor or a virtual machine may promise an instruction and get it wrong.
 *
 * <p>The activations are whole numbers of which one in each chunk is 127, so that rounding them to
 * bytes or bfloat16 changes nothing and the results must agree but for the order of sums.
 */
final class SelfCheck {
  private static final int CHANNELS = 256;
  private static final int ROWS = 18; // a vector of rows and some left over
  private static final int TOKENS = 17; // one more than a vector: both sizes of panel are tried

  private SelfCheck() {}

  /** Whether products with weights of this type come out right. */
  static boolean passes(Matmul matmul, DType dtype, Matmul.Arithmetic arithmetic) {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Tensor.allocate(arena, DType.F32, TOKENS, CHANNELS);
      Random random = Random.from(RandomStreams.of(1, Purpose.SELF_CHECK));
      for (int k = 0; k < CHANNELS; k++) {
        float first = k == 0 ? 127 : random.nextInt(255) - 127;
        float last = k == 1 ? -127 : random.nextInt(255) - 127;
        for (int t = 0; t < TOKENS; t++) {
          x.set((long) t * CHANNELS + k, t == 0 ? first : last);
        }
      }
      Tensor weight = weight(arena, dtype, random);
      return agrees(matmul, arithmetic, arena, x.rows(0, 1), weight)
          && agrees(matmul, arithmetic, arena, x, weight);
    }
  }

  /**
   * Whether both gradients come out right: of small whole numbers, which lose nothing in bfloat16,
   * and of whose products even the sums are exact.
   */
  static boolean backwardPasses(MatmulBackward backward, boolean bf16) {
    int terms = 48;
    int n = 32;
    int k = 64;
    try (Arena arena = Arena.ofShared()) {
      Random random = Random.from(RandomStreams.of(2, Purpose.SELF_CHECK));
      Tensor x = wholeNumbers(arena, random, terms - 3, k);
      Tensor dOut = wholeNumbers(arena, random, terms - 3, n);
      Tensor weight = wholeNumbers(arena, random, n, k);
      Tensor dx = Tensor.allocate(arena, DType.F32, terms - 3, k);
      Tensor expected = Tensor.allocate(arena, DType.F32, terms - 3, k);
      backward.input(dx, dOut, weight, bf16);
      new ScalarKernels().matmulBackwardInput(expected, dOut, weight);
      Tensor dWeight = wholeNumbers(arena, random, n, k);
      Tensor expectedWeight = Tensor.of(arena, dWeight.toArray(), n, k);
      backward.weight(dWeight, dOut, x, bf16);
      new ScalarKernels().matmulBackwardWeight(expectedWeight, dOut, x);
      return dx.data().mismatch(expected.data()) == -1
          && dWeight.data().mismatch(expectedWeight.data()) == -1;
    }
  }

  /** From 1 to 15: a sum that is 0 could have either sign. */
  private static Tensor wholeNumbers(Arena arena, Random random, int rows, int columns) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, rows, columns);
    for (long i = 0; i < tensor.shape().elements(); i++) {
      tensor.set(i, 1 + random.nextInt(15));
    }
    return tensor;
  }

  /** First and last token only; those between repeat the last. */
  private static boolean agrees(
      Matmul matmul, Matmul.Arithmetic arithmetic, Arena arena, Tensor x, Tensor weight) {
    int tokens = x.dim(0);
    Tensor out = Tensor.allocate(arena, DType.F32, tokens, ROWS);
    Tensor expected = Tensor.allocate(arena, DType.F32, 1, ROWS);
    matmul.forward(out, x, weight, arithmetic);
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

  /** Random bytes, as long as they are finite weights of ordinary size that bfloat16 can hold. */
  private static Tensor weight(Arena arena, DType dtype, Random random) {
    Tensor weight = Tensor.allocate(arena, dtype, ROWS, CHANNELS);
    MemorySegment data = weight.data();
    byte[] block = new byte[dtype.blockBytes()];
    float[] decoded = new float[dtype.blockLength()];
    for (long at = 0; at < data.byteSize(); at += block.length) {
      boolean usable;
      do {
        random.nextBytes(block);
        if (dtype == DType.F32 || dtype == DType.F16) { // eight bits of fraction: bfloat16 has them
          block[0] &= dtype == DType.F32 ? 0 : (byte) 0xF8;
          block[1] &= dtype == DType.F32 ? 0 : (byte) 0xFF;
        }
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
