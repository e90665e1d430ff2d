package llada.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.BackendException;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.kernel.Numbers;
import llada.kernel.Precision;
import llada.model.MaskPredictor;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What goes wrong on a device becomes one message with the call's and the status's name. */
final class FailuresTest {
  @TempDir Path folder;

  @BeforeEach
  void load() {
    Emulator.load();
    Emulator.reset();
  }

  private CudaKernels open() {
    return new CudaKernels(CudaDevice.list().getFirst(), Precision.EXACT, new KernelCache(folder));
  }

  private static void add(CudaKernels kernels, Arena arena) {
    Tensor x = Numbers.random(arena, 1, 0, 4, 8);
    kernels.residual(x, x, x);
    assertThat(x.toArray()).isNotEmpty(); // waits for the device
  }

  @Test
  void noDevice() {
    Emulator.set("devices", 0);
    assertThatThrownBy(() -> Backends.choose("cuda", 1))
        .isInstanceOf(BackendException.class)
        .hasMessageContaining("backend cuda")
        .hasMessageContaining("backend auto");
    try (Backend backend = Backends.choose("auto", 1)) {
      assertThat(backend.name()).isNotEqualTo("cuda");
      assertThat(backend.why()).contains("no cuda: ").doesNotContain("\n");
    }
  }

  @Test
  void aDriverThatDoesNotStart() {
    Emulator.set("fail_init", 999);
    assertThatThrownBy(() -> Backends.choose("cuda", 1))
        .hasMessageContaining("cuInit: CUDA_ERROR_UNKNOWN");
  }

  @Test
  void aDeviceThatIsTooOld() {
    Emulator.set("compute_capability", 75);
    assertThatThrownBy(() -> Backends.choose("cuda", 1))
        .hasMessageContaining("sm_75, and sm_80 or newer is needed");
  }

  @Test
  void autoTakesTheDevice() {
    try (Backend backend = Backends.choose("auto", 1)) {
      assertThat(backend.name()).isEqualTo("cuda");
      assertThat(backend.why()).contains("sm_90");
    }
    assertThat(Emulator.liveAllocations()).isZero();
  }

  @Test
  void outOfMemorySaysHowMuchIsMissing() {
    try (CudaKernels kernels = open();
        Arena arena = Arena.ofShared()) {
      Emulator.set("fail_alloc_at", 1);
      assertThatThrownBy(() -> add(kernels, arena))
          .isInstanceOfSatisfying(
              CudaException.class,
              e -> {
                assertThat(e.call()).isEqualTo("cuMemAlloc");
                assertThat(e.status()).isEqualTo("CUDA_ERROR_OUT_OF_MEMORY");
              })
          .hasMessageContaining("are free");
      add(kernels, arena); // and goes on, once there is room
    }
  }

  @Test
  void aModelThatDoesNotFitIsRefusedBeforeItTravels() {
    Emulator.set("memory", 100L << 20);
    try (CudaKernels kernels = open();
        Arena arena = Arena.ofShared()) {
      long copies = Emulator.count("copy");
      Tensor large = Tensor.allocate(arena, DType.F32, 64 << 20);
      assertThatThrownBy(() -> kernels.load(List.of(large)))
          .hasMessageContaining("the weights need 256.0 MiB of device memory")
          .hasMessageContaining("are missing; take a smaller weight type");
      assertThat(Emulator.count("copy")).isEqualTo(copies);
    }
  }

  @Test
  void aLaunchThatFails() {
    try (Arena arena = Arena.ofShared()) {
      CudaKernels kernels = open();
      Emulator.set("fail_launch_at", 1);
      assertThatThrownBy(() -> add(kernels, arena))
          .isInstanceOf(CudaException.class)
          .hasMessageContaining("CUDA_ERROR_");
    }
  }

  @Test
  void aDeviceThatIsLost() {
    Path model = Golden.resources().resolve("golden/tiny-llada");
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      CudaKernels kernels = open();
      MaskPredictor predictor =
          new MaskPredictor(checkpoint.config(), checkpoint.weights(), kernels, 8);
      Emulator.set("lose_device_at", 3);
      assertThatThrownBy(
              () ->
                  predictor
                      .forward(llada.model.TokenBatch.of(new int[] {1, 2, 3}), new int[] {1})
                      .toArray())
          .isInstanceOf(CudaException.class)
          .hasMessageContaining("CUDA_ERROR_");
    }
  }

  @Test
  void aProductThatCuBlasRefuses() {
    try (CudaKernels kernels = open();
        Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, 16, 16);
      Tensor out = Tensor.allocate(arena, DType.F32, 16, 16);
      Emulator.set("fail_gemm_at", 1);
      assertThatThrownBy(() -> kernels.matmul(out, x, x))
          .hasMessageContaining("cublasGemmEx: CUBLAS_STATUS_");
    }
  }

  @Test
  void aKernelThatDoesNotCompile() {
    try (CudaKernels kernels = open();
        Arena arena = Arena.ofShared()) {
      Emulator.set("fail_compile_at", 1);
      assertThatThrownBy(() -> add(kernels, arena))
          .hasMessageContaining("nvrtcCompileProgram residual.cu for sm_90");
    }
  }

  @Test
  void compiledKernelsAreKeptAndDamagedOnesRenewed() throws Exception {
    try (CudaKernels kernels = open();
        Arena arena = Arena.ofShared()) {
      add(kernels, arena);
    }
    Path kept;
    try (var files = Files.list(folder)) {
      kept = files.filter(f -> f.toString().contains("residual-sm_90-")).findFirst().orElseThrow();
    }
    Emulator.set("fail_compile_at", 1);
    try (CudaKernels kernels = open();
        Arena arena = Arena.ofShared()) {
      add(kernels, arena); // not compiled again
    }
    Emulator.reset();
    byte[] good = Files.readAllBytes(kept);
    Files.writeString(kept, "damaged");
    try (CudaKernels kernels = open();
        Arena arena = Arena.ofShared()) {
      add(kernels, arena);
    }
    assertThat(Files.readAllBytes(kept)).isEqualTo(good);
  }
}
