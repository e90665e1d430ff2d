package llada.kernel.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import llada.kernel.KernelContract;
import llada.kernel.Numbers;
import llada.kernel.Parallel;
import llada.kernel.Precision;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Quantised weights with few tokens, on each machine that this one can play. */
final class FewBytesTest {
  private static final int FEW = 16;

  /** Features of a processor. */
  enum Machine {
    AVX2(new CpuFeatures(true, false, false, false, false)),
    AVX2_VNNI(new CpuFeatures(true, true, false, false, false)),
    AVX512(new CpuFeatures(true, false, true, false, false)),
    AVX512_VNNI(new CpuFeatures(true, false, true, true, false));

    final CpuFeatures features;

    Machine(CpuFeatures features) {
      this.features = features;
    }

    boolean wide() {
      return features.avx512();
    }

    boolean vnni() {
      return features.avxVnni() || features.avx512Vnni();
    }

    private boolean isHere() {
      try {
        CpuFeatures here = CpuFeatures.detect();
        return here.avx2()
            && (!features.avxVnni() || here.avxVnni())
            && (!features.avx512() || here.avx512())
            && (!features.avx512Vnni() || here.avx512Vnni());
      } catch (MachineException e) {
        return false;
      }
    }

    MachineKernels kernels() {
      assumeTrue(isHere(), "no " + this + " here");
      return new MachineKernels(Parallel.SERIAL, Precision.WEIGHTS, features);
    }

    String listing(DType dtype) {
      return FewCode.assemble(
              wide() ? 512 : 256, vnni(), dtype, Matmul.Arithmetic.INT8, Geometry.CHUNK)
          .listing();
    }
  }

  private static List<DType> types() {
    return Arrays.stream(DType.values()).filter(FewBytes::takes).toList();
  }

  static Stream<Arguments> products() {
    return Stream.of(Machine.values())
        .flatMap(machine -> types().stream().map(dtype -> Arguments.of(machine, dtype)));
  }

  private static float[] product(MachineKernels kernels, Tensor x, Tensor w) {
    try (Arena arena = Arena.ofShared()) {
      Tensor out = Tensor.allocate(arena, DType.F32, x.dim(0), w.dim(0));
      kernels.matmul(out, x, w);
      return out.toArray();
    }
  }

  /** 40 tokens are multiplied by tiles. Among the rows are NaN, infinity, huge and tiny numbers. */
  @ParameterizedTest
  @MethodSource("products")
  void rowsHaveTheBitsOfTheTile(Machine machine, DType dtype) {
    int tokens = 40;
    int rows = 49;
    int channels = 768;
    try (MachineKernels kernels = machine.kernels();
        Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, tokens, channels);
      float[] odd = {Float.NaN, Float.POSITIVE_INFINITY, 1e38f, Float.MIN_VALUE, 0};
      for (int i = 0; i < odd.length; i++) {
        for (int k = 0; k < channels; k += 5) {
          x.set(7L * i * channels + k, odd[i] * (k % 2 == 0 ? 1 : -1));
        }
      }
      Tensor w = Numbers.randomWeight(arena, 2, dtype, rows, channels);
      float[] all = product(kernels, x, w);
      for (int count = 1; count <= FEW; count++) {
        for (int first = 0; first + count <= tokens; first += 9) {
          assertThat(product(kernels, x.rows(first, count), w))
              .as("%s, %s, tokens %d to %d", machine, dtype, first, first + count - 1)
              .isEqualTo(Arrays.copyOfRange(all, first * rows, (first + count) * rows));
        }
      }
    }
  }

  /** Whole numbers up to 127, one of them in each chunk, lose nothing when rounded. */
  @ParameterizedTest
  @MethodSource("products")
  void productsOfWholeNumbersAreThoseOfTheReference(Machine machine, DType dtype) {
    int[][] shapes = {{1, 16, 256}, {2, 48, 1024}, {6, 560, 512}};
    try (MachineKernels kernels = machine.kernels()) {
      for (int[] shape : shapes) {
        try (Arena arena = Arena.ofShared()) {
          Tensor x = Numbers.random(arena, 3, 1, shape[0], shape[2]);
          for (long i = 0; i < x.shape().elements(); i++) {
            x.set(i, i % Geometry.CHUNK == 0 ? 127 : Math.round(30 * x.get(i)) % 127);
          }
          Tensor w = Numbers.randomWeight(arena, 4, dtype, shape[1], shape[2]);
          Tensor expected = Tensor.allocate(arena, DType.F32, shape[0], shape[1]);
          KernelContract.REFERENCE.matmul(expected, x, w);
          compare(product(kernels, x, w), expected.toArray(), x, w);
        }
      }
    }
  }

  private static void compare(float[] found, float[] expected, Tensor x, Tensor w) {
    int channels = x.dim(1);
    float[] weights = w.toArray();
    for (int i = 0; i < found.length; i++) {
      double size = 0;
      for (int k = 0; k < channels; k++) {
        double weight = weights[i % w.dim(0) * channels + k];
        size += Math.abs(weight * x.get((long) i / w.dim(0) * channels + k));
      }
      // A minimum is taken away of larger numbers than the weights.
      assertThat((double) found[i])
          .as("token %d, row %d", i / w.dim(0), i % w.dim(0))
          .isCloseTo(
              expected[i],
              org.assertj.core.data.Offset.offset(4.0 * channels * Numbers.EPSILON * size + 1e-3));
    }
  }

  /** All weights and activations as large as they can be, with any signs: no sum saturates. */
  @ParameterizedTest
  @MethodSource("products")
  void extremesDoNotSaturate(Machine machine, DType dtype) {
    int channels = 512;
    int[] bytes = {0x0000, 0xFFFF, 0x8080, 0x7F7F, 0x00FF, 0x807F, 0x0FF0, 0x0F0F};
    int[] signs = {0, -1, 0x55555555, 0xAAAAAAAA, 0x33333333, 0x0F0F0F0F, 1};
    int[] rows = new int[2 * bytes.length];
    Arrays.setAll(rows, i -> bytes[i % bytes.length]);
    try (MachineKernels kernels = machine.kernels();
        Arena arena = Arena.ofShared()) {
      Tensor w = MaddKernelsTest.extreme(arena, dtype, channels, rows);
      Tensor x = Tensor.allocate(arena, DType.F32, signs.length, channels);
      for (long i = 0; i < x.shape().elements(); i++) {
        boolean negative = (signs[(int) (i / channels)] >>> i % 32 & 1) == 1;
        x.set(i, negative ? -127 : 127);
      }
      Tensor expected = Tensor.allocate(arena, DType.F32, signs.length, rows.length);
      KernelContract.REFERENCE.matmul(expected, x, w);
      compare(product(kernels, x, w), expected.toArray(), x, w);
    }
  }

  @Test
  void theCodeHasTheInstructionsOfItsMachine() {
    for (DType dtype : types()) {
      assertThat(Machine.AVX2.listing(dtype))
          .contains("vpmaddubsw ymm")
          .doesNotContain("zmm")
          .doesNotContain("vpdpbusd")
          .doesNotContain("kmov");
      assertThat(Machine.AVX2_VNNI.listing(dtype))
          .contains("vpdpbusd ymm")
          .doesNotContain("zmm")
          .doesNotContain("vpmaddubsw");
      assertThat(Machine.AVX512.listing(dtype))
          .contains("vpmaddwd zmm")
          .doesNotContain("vpsignb")
          .doesNotContain("vpdpbusd");
      assertThat(Machine.AVX512_VNNI.listing(dtype)).contains("vpdpbusd zmm");
    }
    assertThat(Machine.AVX2.listing(DType.Q8_0)).contains("vpsignb");
  }
}
