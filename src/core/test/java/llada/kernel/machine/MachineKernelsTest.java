package llada.kernel.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.util.Map;
import java.util.stream.Stream;
import llada.backend.ThreadPool;
import llada.kernel.FamilyContract;
import llada.kernel.GradientContract;
import llada.kernel.KernelContract;
import llada.kernel.Kernels;
import llada.kernel.Numbers;
import llada.kernel.Parallel;
import llada.kernel.Precision;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The contract in each of the ways that a machine can have; what this one lacks is skipped. */
final class MachineKernelsTest {
  private static final CpuFeatures FEATURES = features();

  /** A machine with AVX2 and AVX-VNNI only, played by this one. */
  private static final CpuFeatures NARROW =
      new CpuFeatures(FEATURES.avx2(), FEATURES.avxVnni(), false, false, false);

  /** The same with AVX2 only. */
  private static final CpuFeatures BARE =
      new CpuFeatures(FEATURES.avx2(), false, false, false, false);

  private static CpuFeatures features() {
    try {
      return CpuFeatures.detect();
    } catch (MachineException e) {
      return new CpuFeatures(false, false, false, false, false);
    }
  }

  private static MachineKernels kernels(CpuFeatures features, Precision precision) {
    assumeTrue(features.avx2(), "no AVX2 here");
    return new MachineKernels(Parallel.SERIAL, precision, features);
  }

  /** Bytes have steps of 1/127 of the largest, bfloat16 of 2^-8. */
  private static double error(DType weight, Precision precision) {
    if (precision == Precision.EXACT) {
      return 0;
    }
    if (Program.QUANTISED.contains(weight)) {
      return 0.5 / 127;
    }
    if (precision == Precision.BF16 || weight == DType.BF16 || weight == DType.F16) {
      return weight == DType.BF16 ? 0x1p-9 : 0x1p-8; // the weight is rounded, too
    }
    return 0;
  }

  @Nested
  final class OfThisMachine implements KernelContract, GradientContract, FamilyContract {
    @Override
    public Kernels kernels() {
      return MachineKernelsTest.kernels(FEATURES, Precision.WEIGHTS);
    }

    @Override
    public double rounding(DType weight) {
      return error(weight, Precision.WEIGHTS);
    }

    @Override
    public double frozenRounding() {
      return 0x1p-8; // bfloat16 for both
    }
  }

  @Nested
  final class Exact implements KernelContract, GradientContract, FamilyContract {
    @Override
    public Kernels kernels() {
      return MachineKernelsTest.kernels(FEATURES, Precision.EXACT);
    }
  }

  @Nested
  final class AtHalfWidth implements KernelContract, GradientContract, FamilyContract {
    @Override
    public Kernels kernels() {
      return MachineKernelsTest.kernels(NARROW, Precision.WEIGHTS);
    }

    @Override
    public double rounding(DType weight) {
      return error(weight, Precision.WEIGHTS);
    }

    @Override
    public double frozenRounding() {
      return 0x1p-8; // bfloat16 for both
    }
  }

  /** bfloat16 throughout. */
  @Nested
  final class Rounding implements GradientContract {
    @Override
    public Kernels kernels() {
      return MachineKernelsTest.kernels(FEATURES, Precision.BF16);
    }

    @Override
    public double gradientRounding() {
      return error(DType.F32, Precision.BF16);
    }
  }

  static Stream<Arguments> products() {
    Stream.Builder<Arguments> all = Stream.builder();
    for (DType dtype : DType.values()) {
      if (dtype != DType.F64) {
        for (CpuFeatures features : new CpuFeatures[] {FEATURES, NARROW, BARE}) {
          all.add(Arguments.of(dtype, features));
        }
      }
    }
    return all.build();
  }

  /**
   * Whole numbers up to 127, one of them in each chunk, lose nothing when rounded, so that only the
   * order of sums differs from the reference. Tokens around one vector and panel, rows around tile
   * and block, channels around a chunk and a depth.
   */
  @ParameterizedTest
  @MethodSource("products")
  void productsOfWholeNumbersAreRight(DType dtype, CpuFeatures features) {
    MachineKernels kernels = kernels(features, Precision.BF16);
    int[][] shapes = {
      {1, 1, 256}, {8, 15, 512}, {16, 112, 768}, {17, 113, 1024}, {32, 230, 256}, {33, 97, 1280}
    };
    for (int[] shape : shapes) {
      try (Arena arena = Arena.ofShared()) {
        int tokens = shape[0];
        int rows = shape[1];
        int channels = dtype.blockLength() < 256 ? shape[2] - 96 : shape[2];
        Tensor x = Numbers.random(arena, 1, 1, tokens, channels);
        for (long i = 0; i < x.shape().elements(); i++) {
          boolean first = i % channels % Geometry.CHUNK == 0;
          x.set(i, first ? 127 : Math.round(30 * x.get(i)) % 127);
        }
        Tensor w = Numbers.randomWeight(arena, 2, dtype, rows, channels);
        if (dtype == DType.F32 || dtype == DType.F16) {
          for (long i = 0; dtype == DType.F32 && i < w.shape().elements(); i++) {
            w.set(i, Math.round(10 * w.get(i)) % 100);
          }
        }
        double rounded = dtype == DType.F16 && features.avx512Bf16() ? 0x1p-8 : 0;
        Tensor expected = Tensor.allocate(arena, DType.F32, tokens, rows);
        Tensor out = Numbers.random(arena, 3, 1, tokens, rows);
        KernelContract.REFERENCE.matmul(expected, x, w);
        assertThat(kernels.takes(dtype, channels))
            .isEqualTo(Program.FLOATS.contains(dtype) || Program.QUANTISED.contains(dtype));
        kernels.matmul(out, x, w);
        float[] weights = w.toArray();
        for (int t = 0; t < tokens; t++) {
          for (int r = 0; r < rows; r++) {
            double size = 0;
            for (int k = 0; k < channels; k++) {
              size += Math.abs((double) weights[r * channels + k] * x.get((long) t * channels + k));
            }
            long at = (long) t * rows + r;
            assertThat((double) Math.abs(out.get(at) - expected.get(at)))
                .as("%s %d x %d x %d at (%d, %d)", dtype, tokens, rows, channels, t, r)
                .isLessThanOrEqualTo((2.0 * channels * Numbers.EPSILON + rounded) * size + 1e-30);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("products")
  void roundingIsWithinItsBound(DType dtype, CpuFeatures features) {
    MachineKernels kernels = kernels(features, Precision.WEIGHTS);
    try (Arena arena = Arena.ofShared()) {
      int channels = 1024;
      Tensor x = Numbers.random(arena, 4, 0, 20, channels);
      Tensor w = Numbers.randomWeight(arena, 5, dtype, 40, channels);
      Tensor expected = Tensor.allocate(arena, DType.F32, 20, 40);
      Tensor out = Tensor.allocate(arena, DType.F32, 20, 40);
      KernelContract.REFERENCE.matmul(expected, x, w);
      kernels.matmul(out, x, w);
      float[] weights = w.toArray();
      double error = error(dtype, Precision.WEIGHTS) + 2.0 * channels * Numbers.EPSILON;
      for (int t = 0; t < 20; t++) {
        for (int r = 0; r < 40; r++) {
          double bound = 0;
          for (int k = 0; k < channels; k++) {
            bound += Math.abs((double) weights[r * channels + k]);
          }
          long at = (long) t * 40 + r;
          assertThat((double) Math.abs(out.get(at) - expected.get(at)))
              .isLessThanOrEqualTo(error * bound * Numbers.largest(x.rows(t, 1)));
        }
      }
    }
  }

  @Test
  void theNumberOfThreadsDoesNotShow() {
    try (Arena arena = Arena.ofShared();
        ThreadPool pool = new ThreadPool(3)) {
      assumeTrue(FEATURES.avx2(), "no AVX2 here");
      for (DType dtype : new DType[] {DType.F32, DType.BF16, DType.Q4_K, DType.Q8_0}) {
        Tensor x = Numbers.random(arena, 1, 0, 50, 512);
        Tensor w = Numbers.randomWeight(arena, 2, dtype, 333, 512);
        Tensor one = Tensor.allocate(arena, DType.F32, 50, 333);
        Tensor three = Tensor.allocate(arena, DType.F32, 50, 333);
        kernels(FEATURES, Precision.WEIGHTS).matmul(one, x, w);
        new MachineKernels(pool, Precision.WEIGHTS, FEATURES).matmul(three, x, w);
        assertThat(three.toArray()).isEqualTo(one.toArray());
      }
    }
  }

  @Test
  void aProcessorWithoutAvx2IsRefusedWithTheReason() {
    CpuFeatures none = new CpuFeatures(false, false, false, false, false);
    org.assertj.core.api.Assertions.assertThatThrownBy(
            () -> new MachineKernels(Parallel.SERIAL, Precision.WEIGHTS, none))
        .isInstanceOf(MachineException.class)
        .hasMessage("the processor has no AVX2");
  }

  @Test
  void everyKernelHasAListing() {
    assumeTrue(FEATURES.avx2(), "no AVX2 here");
    Map<String, String> listings = MachineKernels.listings();
    assertThat(listings).containsKeys("dot f32 x1", "dot f32 x2", "transpose");
    assertThat(listings.get("dot f32 x2")).contains("vfmadd231ps", "vbroadcastss", "ret");
  }
}
