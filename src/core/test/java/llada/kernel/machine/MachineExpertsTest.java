package llada.kernel.machine;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import llada.kernel.ExpertContract;
import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.kernel.Precision;
import org.junit.jupiter.api.Nested;

/** {@link ExpertContract} in each form of the machine tier; what this machine lacks is skipped. */
final class MachineExpertsTest {
  private static Kernels kernels(Parallel parallel, Precision precision, boolean narrow) {
    CpuFeatures features;
    try {
      features = CpuFeatures.detect();
    } catch (MachineException e) {
      features = new CpuFeatures(false, false, false, false, false);
    }
    assumeTrue(features.avx2(), "no AVX2 here");
    return new MachineKernels(
        parallel,
        precision,
        narrow
            ? new CpuFeatures(features.avx2(), features.avxVnni(), false, false, false)
            : features);
  }

  @Nested
  final class OfThisMachine implements ExpertContract {
    @Override
    public Kernels kernels(Parallel parallel) {
      return MachineExpertsTest.kernels(parallel, Precision.WEIGHTS, false);
    }
  }

  /** bfloat16 throughout. */
  @Nested
  final class Rounding implements ExpertContract {
    @Override
    public Kernels kernels(Parallel parallel) {
      return MachineExpertsTest.kernels(parallel, Precision.BF16, false);
    }
  }

  /** AVX2 and AVX-VNNI only. */
  @Nested
  final class AtHalfWidth implements ExpertContract {
    @Override
    public Kernels kernels(Parallel parallel) {
      return MachineExpertsTest.kernels(parallel, Precision.WEIGHTS, true);
    }
  }
}
