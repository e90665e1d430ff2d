package llada.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import llada.backend.Backend;
import llada.backend.BackendException;
import llada.backend.BackendProvider;
import llada.backend.ThreadPool;
import llada.cuda.cudnn.CuDnn;
import llada.kernel.Kernels;
import llada.kernel.Precision;
import llada.kernel.SharedKernels;

/** Backend cuda: the first GPU that the driver shows. */
public final class CudaBackend implements BackendProvider {
  private static final int OLDEST_DRIVER = 13000;
  private static final int OLDEST_ARCHITECTURE = 80; // bfloat16 on tensor cores

  private final CudaLibraries libraries = CudaLibraries.ofProcess();

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public Optional<String> unavailable() {
    if (libraries.find(CudaLibraries.Library.DRIVER).path().isEmpty()) {
      return Optional.of("no NVIDIA driver (libcuda.so.1)");
    }
    try {
      device();
      for (CudaLibraries.Library library :
          List.of(CudaLibraries.Library.CUBLAS, CudaLibraries.Library.NVRTC)) {
        CudaLibraries.Found found = libraries.find(library);
        if (found.path().isEmpty()) {
          return Optional.of(found.toString());
        }
      }
      return Optional.empty();
    } catch (BackendException e) {
      return Optional.of(e.getMessage());
    }
  }

  private static CudaDevice device() {
    List<CudaDevice> devices = CudaDevice.list();
    if (devices.isEmpty()) {
      throw new CudaException("the driver shows no GPU; is CUDA_VISIBLE_DEVICES set?");
    }
    if (CudaDevice.driverVersion() < OLDEST_DRIVER) {
      throw new CudaException(
          "the driver speaks CUDA %s, and 13.0 is needed; update NVIDIA's driver"
              .formatted(version(CudaDevice.driverVersion())));
    }
    CudaDevice device = devices.getFirst();
    if (10 * device.major() + device.minor() < OLDEST_ARCHITECTURE) {
      throw new CudaException(
          "%s is %s, and sm_80 or newer is needed".formatted(device.name(), device.architecture()));
    }
    return device;
  }

  @Override
  public Backend start(String why, int threads, Precision precision) {
    CudaKernels kernels;
    try {
      kernels = new CudaKernels(device(), precision);
    } catch (CudaException e) {
      throw new BackendException(
          "backend cuda: %s (use backend auto to go without)".formatted(e.getMessage()), e);
    }
    String line =
        "backend: cuda, %s, %s (%s)"
            .formatted(kernels.device().name(), kernels.device().architecture(), why);
    Kernels shared = SharedKernels.ofDevice(kernels, kernels.monitor());
    return new Backend("cuda", line, threads, shared, new ThreadPool(threads));
  }

  @Override
  public List<String> describe() {
    List<String> lines = new ArrayList<>();
    try {
      List<CudaDevice> devices = CudaDevice.list();
      for (int i = 0; i < devices.size(); i++) {
        lines.add("GPU %d: %s".formatted(i, devices.get(i)));
      }
      if (devices.isEmpty()) {
        lines.add("GPU: the driver shows none");
      }
    } catch (CudaException e) {
      lines.add("GPU: none usable (" + e.getMessage() + ")");
    }
    for (CudaLibraries.Library library : CudaLibraries.Library.values()) {
      lines.add(describe(library));
    }
    return lines;
  }

  private String describe(CudaLibraries.Library library) {
    CudaLibraries.Found found = libraries.find(library);
    if (found.path().isEmpty()) {
      return found.toString();
    }
    try {
      libraries.load(library);
      return "%s %s: %s".formatted(library.purpose(), version(library), found.path().get());
    } catch (CudaException e) {
      return e.getMessage();
    }
  }

  private static String version(CudaLibraries.Library library) {
    return switch (library) {
      case DRIVER -> "for CUDA " + version(CudaDevice.driverVersion());
      case CUBLAS -> decimal(CuBlasHandle.version());
      case CUDNN -> decimal(Math.toIntExact(CuDnn.cudnnGetVersion()));
      case NVRTC -> KernelCompiler.version();
    };
  }

  /** 13000 is 13.0. */
  private static String version(int number) {
    return number / 1000 + "." + number % 1000 / 10;
  }

  /** 130101 is 13.1.1, as is 92400 9.24.0. */
  private static String decimal(int number) {
    return number / 10000 + "." + number % 10000 / 100 + "." + number % 100;
  }
}
