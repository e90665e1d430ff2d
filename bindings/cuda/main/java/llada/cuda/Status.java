package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.ToIntBiFunction;
import llada.cuda.cublas.CuBlas;
import llada.cuda.driver.CudaDriver;
import llada.cuda.nvrtc.Nvrtc;

/** Every status that a library returns goes through here: success or an exception that names it. */
final class Status {
  private Status() {}

  /** A call of the driver. */
  static void cuda(String call, int status) {
    if (status == CudaDriver.CUDA_SUCCESS()) {
      return;
    }
    String name = driverText(status, CudaDriver::cuGetErrorName);
    String text = driverText(status, CudaDriver::cuGetErrorString);
    throw failed(call, name.isEmpty() ? "status " + status : name, text + remedy(name));
  }

  /** A call of cuBLAS. */
  static void cublas(String call, int status) {
    if (status != CuBlas.CUBLAS_STATUS_SUCCESS()) {
      String name = text(CuBlas.cublasGetStatusName(status));
      throw failed(call, name, text(CuBlas.cublasGetStatusString(status)));
    }
  }

  /** A call of NVRTC. */
  static void nvrtc(String call, int status) {
    if (status != Nvrtc.NVRTC_SUCCESS()) {
      throw failed(call, text(Nvrtc.nvrtcGetErrorString(status)), "");
    }
  }

  private static CudaException failed(String call, String status, String text) {
    String words = text.isEmpty() || text.equals(status) ? "" : " (" + text + ")";
    return new CudaException("%s: %s%s".formatted(call, status, words), call, status);
  }

  /** What a user can do about it, where that is more than reading the name. */
  private static String remedy(String name) {
    return switch (name) {
      case "CUDA_ERROR_NO_DEVICE" ->
          "; is there an NVIDIA GPU, and does CUDA_VISIBLE_DEVICES show it? backend auto goes without";
      case "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "CUDA_ERROR_UNSUPPORTED_PTX_VERSION" ->
          "; update NVIDIA's driver to one for CUDA 13";
      case "CUDA_ERROR_ILLEGAL_ADDRESS",
          "CUDA_ERROR_LAUNCH_FAILED",
          "CUDA_ERROR_ECC_UNCORRECTABLE",
          "CUDA_ERROR_DEVICE_UNAVAILABLE" ->
          "; the device is lost to this process: start again, or use backend machine";
      default -> "";
    };
  }

  private static String driverText(int status, ToIntBiFunction<Integer, MemorySegment> lookup) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointer = arena.allocate(CudaDriver.C_POINTER);
      return lookup.applyAsInt(status, pointer) == CudaDriver.CUDA_SUCCESS()
          ? text(pointer.get(CudaDriver.C_POINTER, 0))
          : "";
    }
  }

  private static String text(MemorySegment chars) {
    return chars.equals(MemorySegment.NULL) ? "" : chars.getString(0);
  }
}
