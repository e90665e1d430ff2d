package llada.kernel.simd;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.zip.CRC32C;
import llada.kernel.Numbers;
import llada.kernel.Parallel;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;

/**
 * Matmul and attention have the same bits at every width of the vectors: these digests were taken
 * at 512 bits, and the test is run at the machine's own width, 128 and 256 bits.
 */
final class VectorWidthTest {
  private static final int TOKENS = 530; // more than two tiles of keys

  private static String digest(Tensor tensor) {
    CRC32C sum = new CRC32C();
    sum.update(tensor.data().asByteBuffer());
    return "%08x".formatted(sum.getValue());
  }

  @Test
  void matmul() {
    try (Arena arena = Arena.ofShared();
        VectorKernels kernels = new VectorKernels(Parallel.SERIAL)) {
      Tensor out = Tensor.allocate(arena, DType.F32, TOKENS, 77);
      Tensor x = Numbers.random(arena, 1, 0, TOKENS, 700);
      kernels.matmul(out, x, Numbers.random(arena, 2, 0, 77, 700));
      assertThat(digest(out)).isEqualTo("6085718d");
    }
  }

  @Test
  void attention() {
    boolean[] visible = new boolean[TOKENS];
    Arrays.fill(visible, true);
    AttentionShape shape = new AttentionShape(1, 4, 2);
    try (Arena arena = Arena.ofShared();
        VectorKernels kernels = new VectorKernels(Parallel.SERIAL)) {
      Tensor q = Numbers.random(arena, 1, 0, TOKENS, 4 * 20);
      Tensor k = Numbers.random(arena, 2, 0, TOKENS, 2 * 20);
      Tensor v = Numbers.random(arena, 3, 0, TOKENS, 2 * 20);
      Tensor out = Tensor.allocate(arena, DType.F32, TOKENS, 4 * 20);
      kernels.attention(out, q, k, v, shape, AttentionMask.padded(visible));
      assertThat(digest(out)).as("all keys").isEqualTo("b7b522fa");
      kernels.attention(out, q, k, v, shape, AttentionMask.causal(visible, 1, TOKENS));
      assertThat(digest(out)).as("keys before").isEqualTo("4701d22c");
    }
  }
}
