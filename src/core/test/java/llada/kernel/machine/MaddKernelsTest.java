package llada.kernel.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import llada.kernel.ExpertContract;
import llada.kernel.KernelContract;
import llada.kernel.Kernels;
import llada.kernel.Numbers;
import llada.kernel.Parallel;
import llada.kernel.Precision;
import llada.kernel.RowContract;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** 8-bit products without vpdpbusd, on machines that this one plays. */
final class MaddKernelsTest {
  enum Machine {
    AVX2,
    AVX512;

    /** Kernels of this machine, which lacks VNNI. */
    MachineKernels kernels(Parallel parallel) {
      CpuFeatures has = here();
      assumeTrue(has.avx2() && (this == AVX2 || has.avx512()), "no " + this + " here");
      return new MachineKernels(
          parallel, Precision.WEIGHTS, new CpuFeatures(true, false, this == AVX512, false, false));
    }
  }

  private static CpuFeatures here() {
    try {
      return CpuFeatures.detect();
    } catch (MachineException e) {
      return new CpuFeatures(false, false, false, false, false);
    }
  }

  static Stream<DType> quantised() {
    return Program.QUANTISED.stream();
  }

  private static double error(DType weight) {
    return Program.QUANTISED.contains(weight) ? 0.5 / 127 : 0;
  }

  @Nested
  final class At256Bits implements KernelContract {
    @Override
    public Kernels kernels() {
      return Machine.AVX2.kernels(Parallel.SERIAL);
    }

    @Override
    public double rounding(DType weight) {
      return error(weight);
    }
  }

  @Nested
  final class At512Bits implements KernelContract {
    @Override
    public Kernels kernels() {
      return Machine.AVX512.kernels(Parallel.SERIAL);
    }

    @Override
    public double rounding(DType weight) {
      return error(weight);
    }
  }

  @Nested
  final class ExpertsAt256Bits implements ExpertContract {
    @Override
    public Kernels kernels(Parallel parallel) {
      return Machine.AVX2.kernels(parallel);
    }

    @Override
    public double rounding(DType weight) {
      return error(weight);
    }
  }

  @Nested
  final class ExpertsAt512Bits implements ExpertContract {
    @Override
    public Kernels kernels(Parallel parallel) {
      return Machine.AVX512.kernels(parallel);
    }

    @Override
    public double rounding(DType weight) {
      return error(weight);
    }
  }

  private static float[] product(Kernels kernels, Tensor x, Tensor w) {
    try (Arena arena = Arena.ofShared()) {
      Tensor out = Tensor.allocate(arena, DType.F32, x.dim(0), w.dim(0));
      kernels.matmul(out, x, w);
      return out.toArray();
    }
  }

  /** The same integers, scaled and added in the same order: at either width, for every T. */
  @ParameterizedTest
  @MethodSource("quantised")
  void theBitsAreThoseOfVnniForAnyNumberOfTokens(DType dtype) {
    int rows = 97;
    int channels = dtype.blockLength() == 256 ? 1280 : 1312;
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, 70, channels);
      Tensor w = Numbers.randomWeight(arena, 2, dtype, rows, channels);
      for (Machine machine : Machine.values()) {
        MachineKernels kernels = machine.kernels(Parallel.SERIAL);
        float[] all = product(kernels, x, w);
        if (here().avxVnni() || here().avx512Vnni()) {
          MachineKernels vnni = new MachineKernels(Parallel.SERIAL, Precision.WEIGHTS);
          assertThat(all).isEqualTo(product(vnni, x, w));
        }
        for (int tokens = 1; tokens < 70; tokens++) {
          assertThat(product(kernels, x.rows(70 - tokens, tokens), w))
              .as("%s, %d tokens", machine, tokens)
              .isEqualTo(Arrays.copyOfRange(all, (70 - tokens) * rows, 70 * rows));
        }
      }
    }
  }

  /** Among others, which may be infinite or NaN, on any number of threads. */
  @ParameterizedTest
  @MethodSource("quantised")
  void aRowDoesNotDependOnItsCompany(DType dtype) {
    for (Machine machine : Machine.values()) {
      RowContract rows = machine::kernels;
      rows.matmul(dtype);
    }
  }

  /** Where the float16 numbers of a block are, two of them where there are minimums. */
  private static int scales(DType dtype) {
    return switch (dtype) {
      case Q2_K -> 80;
      case Q3_K -> 108;
      case Q6_K -> 208;
      default -> 0;
    };
  }

  /** Every byte of codes and whole-number scales is one or the other. */
  static Tensor extreme(Arena arena, DType dtype, int channels, int[] bytes) {
    Tensor weight = Tensor.allocate(arena, dtype, bytes.length, channels);
    MemorySegment data = weight.data();
    long rowBytes = data.byteSize() / bytes.length;
    for (long at = 0; at < data.byteSize(); at++) {
      int both = bytes[(int) (at / rowBytes)];
      data.set(ValueLayout.JAVA_BYTE, at, (byte) (at % 2 == 0 ? both : both >> 8));
    }
    boolean minimums = WeightForm.of(dtype).minimums();
    for (long at = scales(dtype); at < data.byteSize(); at += dtype.blockBytes()) {
      data.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(1));
      if (minimums) {
        data.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 2, Float.floatToFloat16(0.5f));
      }
    }
    return weight;
  }

  /** All weights and all activations as large as they can be, with any signs: no sum overflows. */
  @ParameterizedTest
  @MethodSource("quantised")
  void extremesDoNotSaturate(DType dtype) {
    int channels = 512;
    int[] bytes = {0x0000, 0xFFFF, 0x8080, 0x7F7F, 0x00FF, 0x807F, 0x0FF0, 0x0F0F, 0xF0F0, 0x7F00};
    List<Integer> signs = List.of(0, -1, 0x55555555, 0xAAAAAAAA, 0x33333333, 0x0F0F0F0F, 1);
    try (Arena arena = Arena.ofShared()) {
      Tensor w = extreme(arena, dtype, channels, bytes);
      Tensor x = Tensor.allocate(arena, DType.F32, signs.size(), channels);
      for (long i = 0; i < x.shape().elements(); i++) {
        boolean negative = (signs.get((int) (i / channels)) >>> i % 32 & 1) == 1;
        x.set(i, negative ? -127 : 127);
      }
      float[] weights = w.toArray();
      for (Machine machine : Machine.values()) {
        float[] out = product(machine.kernels(Parallel.SERIAL), x, w);
        for (int i = 0; i < out.length; i++) {
          double expected = 0;
          double size = 0;
          for (int k = 0; k < channels; k++) {
            double product =
                (double) weights[i % bytes.length * channels + k]
                    * x.get((long) i / bytes.length * channels + k);
            expected += product;
            size += Math.abs(product);
          }
          assertThat((double) out[i])
              .as("%s, row %d", machine, i)
              .isCloseTo(
                  expected, org.assertj.core.data.Offset.offset(64 * Numbers.EPSILON * size + 1));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Machine.class)
  void quantisedWeightsRunInMachineCodeAndTheListingNamesTheInstruction(Machine machine) {
    MachineKernels kernels = machine.kernels(Parallel.SERIAL);
    assertThat(kernels.instructions()).isEqualTo("FMA, VPMADDUBSW");
    for (DType dtype : Program.QUANTISED) {
      assertThat(kernels.takes(dtype, 512)).as("%s", dtype).isTrue();
    }
    assertThat(kernels.failed()).isEmpty();
    Program program = Program.of(new CpuFeatures(true, false, kernels.bits() == 512, false, false));
    assertThat(program.listings().get("int8 of 4 bits without VNNI by 32, offset 8 x2"))
        .contains("vpmaddubsw", "vpaddw", "vpmaddwd")
        .doesNotContain("vpdpbusd");
    assertThat(program.listings().get("int8 of 8 bits without VNNI by 32, offset 128 x2"))
        .contains("vpmaddwd", "vpaddd")
        .doesNotContain("vpmaddubsw");
  }

  @Test
  void exactForbidsRounding() {
    Machine.AVX2.kernels(Parallel.SERIAL).close();
    try (MachineKernels exact =
        new MachineKernels(
            Parallel.SERIAL, Precision.EXACT, new CpuFeatures(true, false, false, false, false))) {
      assertThat(exact.takes(DType.Q4_0, 512)).isFalse();
      assertThat(exact.instructions()).isEqualTo("FMA");
    }
  }
}
