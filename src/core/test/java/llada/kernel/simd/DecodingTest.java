package llada.kernel.simd;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The vector decoders give the scalar decoders' numbers to the last bit. */
final class DecodingTest {
  /** Float16 bits: zeros, the smallest and largest subnormal, one, the largest, infinity, NaN. */
  private static final int[] HALVES = {
    0, 0x8000, 0x0001, 0x03FF, 0x8001, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00,
    0x7E00
  };

  /** Every bit pattern of the 16-bit types; random blocks, and extreme scales, of the others. */
  @ParameterizedTest
  @EnumSource(DType.class)
  void isExact(DType dtype) {
    try (Arena arena = Arena.ofShared()) {
      int block = dtype.blockLength();
      int count = 65_536 / block * block;
      Tensor weight = Tensor.allocate(arena, dtype, count);
      byte[] bytes = new byte[(int) weight.data().byteSize()];
      Random random = new Random(1);
      random.nextBytes(bytes);
      if (dtype == DType.F16 || dtype == DType.BF16) {
        for (int i = 0; i < count; i++) {
          bytes[2 * i] = (byte) i;
          bytes[2 * i + 1] = (byte) (i >> 8);
        }
      } else if (block > 1) {
        int scale =
            switch (dtype) {
              case Q2_K -> 80;
              case Q3_K -> 108;
              case Q6_K -> 208;
              default -> 0;
            };
        for (int b = 0; b < count / block; b += 2) { // every second block keeps what chance gave it
          put(bytes, b * dtype.blockBytes() + scale, HALVES[random.nextInt(HALVES.length)]);
        }
        Arrays.fill(bytes, 2, 32, (byte) 0x80); // extreme quants
        Arrays.fill(bytes, dtype.blockBytes() + 2, dtype.blockBytes() + 32, (byte) 0x7F);
      }
      MemorySegment.copy(bytes, 0, weight.data(), ValueLayout.JAVA_BYTE, 0, bytes.length);
      check(weight, 0, count, 0);
      check(weight, 3 * block, 13 * block, 5); // starts and ends within a vector
      check(weight, count - block, block, 1);
    }
  }

  private static void put(byte[] bytes, int at, int half) {
    bytes[at] = (byte) half;
    bytes[at + 1] = (byte) (half >> 8);
  }

  private static void check(Tensor weight, long first, int count, int at) {
    float[] expected = new float[at + count + 1];
    weight.dtype().decode(weight.data(), first, expected, at, count);
    float[] found = new float[at + count + 1];
    Decoding.decode(found, at, weight, first, count, new Scratch());
    // The contents of a NaN are no one's promise; all else is compared bit by bit.
    for (int i = 0; i < found.length; i++) {
      assertThat(Float.floatToIntBits(found[i]))
          .as("element %d", i)
          .isEqualTo(Float.floatToIntBits(expected[i]));
    }
  }
}
