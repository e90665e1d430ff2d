package llada.cuda;

import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.kernel.Precision;
import llada.kernel.SharedKernels;
import llada.kernel.SharingContract;
import org.junit.jupiter.api.BeforeAll;

/** Sharing of a device: on the emulator, or on a GPU with {@code -Dllada.gpu=true}. */
final class CudaSharingTest implements SharingContract {
  @BeforeAll
  static void load() {
    Emulator.loadOrGpu();
  }

  /** A pass of all threads takes the emulator about a second. */
  @Override
  public int passes() {
    return Boolean.getBoolean("llada.gpu") ? SharingContract.super.passes() : 10;
  }

  @Override
  public Kernels open(Parallel parallel) {
    CudaKernels kernels = new CudaKernels(CudaDevice.list().getFirst(), Precision.EXACT);
    return SharedKernels.ofDevice(kernels, kernels.monitor());
  }
}
