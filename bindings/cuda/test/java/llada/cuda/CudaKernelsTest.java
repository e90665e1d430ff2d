package llada.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import llada.kernel.FamilyContract;
import llada.kernel.GradientContract;
import llada.kernel.KernelContract;
import llada.kernel.Kernels;
import llada.kernel.Numbers;
import llada.kernel.Precision;
import llada.kernel.VocabularyContract;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Every op's contract, through FFM on the emulator. */
@Tag("gpu")
final class CudaKernelsTest {
  /** Relative error of a product whose factors are both rounded to bfloat16, 8 bits. */
  private static final double BF16 = 2 * 0x1p-8;

  private static CudaKernels exact;
  private static CudaKernels weights;
  private static CudaKernels bf16;
  private static CudaKernels tf32;

  /** See {@link KernelContract#rounding}, where activations are rounded as suits the weights. */
  static double rounding(DType weight) {
    return switch (weight) {
      case F32, F64 -> 0;
      case F16 -> 0x1p-11;
      case BF16 -> 0x1p-9;
      default -> BF16; // bytes of a block's largest would be half of that
    };
  }

  @BeforeAll
  static void open() {
    Emulator.loadOrGpu();
    CudaDevice device = CudaDevice.list().getFirst();
    exact = new CudaKernels(device, Precision.EXACT);
    weights = new CudaKernels(device, Precision.WEIGHTS);
    bf16 = new CudaKernels(device, Precision.BF16);
    tf32 = new CudaKernels(device, Precision.TF32);
  }

  @AfterAll
  static void close() {
    for (CudaKernels kernels : new CudaKernels[] {exact, weights, bf16, tf32}) {
      if (kernels != null) {
        kernels.close();
      }
    }
  }

  /** A default body would be the scalar reference, on the processor. */
  @Test
  void everyOpIsOverridden() {
    assertThat(Arrays.stream(Kernels.class.getMethods()).filter(Method::isDefault))
        .isNotEmpty()
        .allSatisfy(
            method ->
                assertThat(
                        CudaKernels.class
                            .getMethod(method.getName(), method.getParameterTypes())
                            .getDeclaringClass())
                    .as(method.toString())
                    .isEqualTo(CudaKernels.class));
  }

  /**
   * Attention is on tensor cores, and off by what rounding makes, where the product that made the
   * queries rounded; a float32 model is exact, whatever another one on this device has.
   */
  @Test
  void attentionRoundsWhereTheWeightsDo() {
    try (Arena arena = Arena.ofShared();
        CudaKernels kernels = new CudaKernels(CudaDevice.list().getFirst(), Precision.WEIGHTS)) {
      kernels.load(List.of(Tensor.allocate(arena, DType.BF16, 4, 4)));
      for (DType weights : new DType[] {DType.BF16, DType.F32, DType.BF16}) {
        for (int d : new int[] {16, 20, 64}) {
          Tensor x = Numbers.random(arena, 1, 0, 2 * 33, 4 * d);
          Tensor identity = Tensor.allocate(arena, weights, 4 * d, 4 * d);
          for (int i = 0; i < 4 * d; i++) {
            long at = (4L * d + 1) * i; // the first 16 bits of a float32 1 are a bfloat16 1
            long end = (at + 1) * (weights == DType.F32 ? Float.BYTES : Short.BYTES);
            identity.data().set(ValueLayout.JAVA_SHORT_UNALIGNED, end - 2, (short) 0x3f80);
          }
          Tensor q = Tensor.allocate(arena, DType.F32, 2 * 33, 4 * d);
          kernels.matmul(q, x, identity);
          Tensor k = Numbers.random(arena, 2, 0, 2 * 70, 2 * d);
          Tensor v = Numbers.random(arena, 3, 0, 2 * 70, 2 * d);
          Tensor expected = Tensor.allocate(arena, DType.F32, 2 * 33, 4 * d);
          Tensor out = Tensor.allocate(arena, DType.F32, 2 * 33, 4 * d);
          boolean[] visible = new boolean[2 * 70];
          for (int i = 0; i < visible.length; i++) {
            visible[i] = i % 5 != 1;
          }
          AttentionShape shape = new AttentionShape(2, 4, 2);
          int[] reach = new int[2 * 33];
          Arrays.setAll(reach, i -> 38 + i % 33 / 5 * 5);
          AttentionMask ahead = new AttentionMask(visible, reach, false);
          for (AttentionMask mask : List.of(AttentionMask.padded(visible), ahead, ahead.asBias())) {
            kernels.attention(out, q, k, v, shape, mask);
            KernelContract.REFERENCE.attention(expected, q, k, v, shape, mask);
            // Of each score's terms, whose signs differ, about the root of their number adds up.
            double score = BF16 * Numbers.largest(q) * Numbers.largest(k);
            double rounded = (2 * score + BF16) * Numbers.largest(v);
            double difference = Numbers.largestDifference(out, expected);
            if (weights == DType.BF16) {
              assertThat(difference).isBetween(1e-4, rounded);
            } else {
              assertThat(difference).isLessThan(1e-5);
            }
          }
        }
      }
    }
  }

  @Nested
  final class Exact
      implements KernelContract, VocabularyContract, GradientContract, FamilyContract {
    @Override
    public Kernels kernels() {
      return exact;
    }
  }

  /** Activations rounded as suits the weights. */
  @Nested
  final class Weights implements KernelContract, FamilyContract {
    @Override
    public Kernels kernels() {
      return weights;
    }

    @Override
    public double rounding(DType weight) {
      return CudaKernelsTest.rounding(weight);
    }
  }

  /** bfloat16 throughout, gradients too. */
  @Nested
  final class Rounded implements GradientContract {
    @Override
    public Kernels kernels() {
      return bf16;
    }

    @Override
    public double gradientRounding() {
      return BF16;
    }
  }

  /** TF32 keeps 10 bits of a float32 factor. */
  @Nested
  final class TensorFloat implements GradientContract {
    @Override
    public Kernels kernels() {
      return tf32;
    }

    @Override
    public double gradientRounding() {
      return 2 * 0x1p-10;
    }
  }
}
