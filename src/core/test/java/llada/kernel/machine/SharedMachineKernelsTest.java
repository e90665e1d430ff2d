package llada.kernel.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.kernel.Precision;
import llada.kernel.SharedKernels;
import llada.kernel.SharingContract;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Sharing of machine code at each width, and what it leaves behind. */
final class SharedMachineKernelsTest {
  private static final int CYCLES = 20;

  private static CpuFeatures features() {
    try {
      CpuFeatures features = CpuFeatures.detect();
      assumeTrue(features.avx2(), "no AVX2 here");
      return features;
    } catch (MachineException e) {
      assumeTrue(false, e.getMessage());
      throw e;
    }
  }

  private static MachineKernels kernels(Parallel parallel, boolean wide, Precision precision) {
    CpuFeatures has = features();
    assumeTrue(!wide || has.avx512(), "no AVX-512 here");
    CpuFeatures narrow = new CpuFeatures(has.avx2(), has.avxVnni(), false, false, false);
    return new MachineKernels(parallel, precision, wide ? has : narrow);
  }

  @Nested
  final class Wide implements SharingContract {
    @Override
    public Kernels open(Parallel parallel) {
      return SharedKernels.of(kernels(parallel, true, Precision.WEIGHTS));
    }
  }

  @Nested
  final class Narrow implements SharingContract {
    @Override
    public Kernels open(Parallel parallel) {
      return SharedKernels.of(kernels(parallel, false, Precision.WEIGHTS));
    }
  }

  @Nested
  final class RoundedToBfloat16 implements SharingContract {
    @Override
    public Kernels open(Parallel parallel) {
      return SharedKernels.of(kernels(parallel, true, Precision.BF16));
    }
  }

  /** Every kernel that keeps memory runs once. */
  private static void use(Kernels kernels) {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 32, 64);
      Tensor y = Tensor.allocate(arena, DType.F32, 32, 64);
      Tensor z = Tensor.allocate(arena, DType.F32, 32, 64);
      Tensor square = Tensor.allocate(arena, DType.F32, 64, 64);
      Tensor quantised = Tensor.allocate(arena, DType.Q8_0, 64, 64);
      kernels.matmul(y, x, square);
      kernels.matmul(y, x, quantised);
      kernels.matmulBackwardInput(x, y, square);
      kernels.matmulBackwardWeight(square, y, x);
      kernels.attention(z, x, y, y, AttentionShape.of(2, 2), AttentionMask.FULL);
      kernels.attentionBackward(
          Tensor.allocate(arena, DType.F32, 32, 64),
          y,
          z,
          x,
          x,
          x,
          x,
          AttentionShape.of(2, 2),
          AttentionMask.FULL);
      kernels.swiGlu(y, x, z);
      kernels.maskedCrossEntropyBackward(
          new double[32], x, square, y, square, new int[32], new double[32]);
    }
  }

  @Test
  void closedKernelsHoldNoMemory() throws Exception {
    features();
    for (int cycle = 0; cycle < CYCLES; cycle++) {
      MachineKernels kernels = new MachineKernels(Parallel.SERIAL, Precision.WEIGHTS);
      use(kernels);
      assertThat(kernels.bytes()).isPositive();
      Kernels shared = SharedKernels.of(kernels);
      ((AutoCloseable) shared).close();
      assertThat(kernels.bytes()).isZero();
    }
  }

  /** Bytes that are executable, of no file and not writable: pages of machine code. */
  private static long codeBytes() throws IOException {
    try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
      return maps.filter(line -> line.matches("\\S+ r-xp 00000000 00:00 0 *"))
          .map(line -> line.substring(0, line.indexOf(' ')).split("-", 2))
          .mapToLong(range -> Long.parseLong(range[1], 16) - Long.parseLong(range[0], 16))
          .sum();
    }
  }

  @Test
  void openingAgainMapsNoMoreCode() throws IOException {
    features();
    long first = 0;
    for (int cycle = 0; cycle < CYCLES; cycle++) {
      try (Backend backend = Backends.choose("machine", 2)) {
        use(backend.kernels());
      }
      long bytes = codeBytes();
      assertThat(bytes).isPositive();
      first = cycle == 0 ? bytes : first;
      assertThat(bytes).isEqualTo(first);
    }
  }
}
