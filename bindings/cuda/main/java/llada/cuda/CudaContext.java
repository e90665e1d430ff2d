package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import llada.cuda.driver.CudaDriver;

/**
 * The state of a process on a device: its memory, streams and modules belong to it. Any thread may
 * use it that has entered it.
 */
public final class CudaContext implements AutoCloseable {
  private final CudaDevice device;
  private final MemorySegment handle;
  private boolean closed;

  private CudaContext(CudaDevice device, MemorySegment handle) {
    this.device = device;
    this.handle = handle;
  }

  /** Opens the device's primary context, which cuBLAS shares, and enters it. */
  public static CudaContext open(CudaDevice device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_POINTER);
      Status.cuda(
          "cuDevicePrimaryCtxRetain", CudaDriver.cuDevicePrimaryCtxRetain(out, device.handle()));
      CudaContext context = new CudaContext(device, out.get(CudaDriver.C_POINTER, 0));
      context.enter();
      return context;
    }
  }

  /** Makes this the context of the calling thread. */
  public void enter() {
    Status.cuda("cuCtxSetCurrent", CudaDriver.cuCtxSetCurrent(handle));
  }

  public CudaDevice device() {
    return device;
  }

  /** Waits until the device has done everything. */
  public void synchronize() {
    Status.cuda("cuCtxSynchronize", CudaDriver.cuCtxSynchronize());
  }

  /** Bytes of device memory that nobody has. */
  public long freeBytes() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(CudaDriver.C_LONG);
      MemorySegment total = arena.allocate(CudaDriver.C_LONG);
      Status.cuda("cuMemGetInfo", CudaDriver.cuMemGetInfo_v2(free, total));
      return free.get(CudaDriver.C_LONG, 0);
    }
  }

  /**
   * Device memory, not initialised.
   *
   * @throws CudaException if there is too little; the message says how much is missing
   */
  public DeviceMemory allocate(long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_LONG_LONG);
      int status = CudaDriver.cuMemAlloc_v2(out, Math.max(bytes, 1));
      if (status == CudaDriver.CUDA_ERROR_OUT_OF_MEMORY()) {
        throw outOfMemory(bytes);
      }
      Status.cuda("cuMemAlloc", status);
      return new DeviceMemory(out.get(CudaDriver.C_LONG_LONG, 0), bytes);
    }
  }

  private CudaException outOfMemory(long bytes) {
    long free = freeBytes();
    String missing =
        free < bytes
            ? "%s are missing".formatted(text(bytes - free))
            : "what is free lies in pieces that are too small";
    return new CudaException(
        "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY: %s more are wanted, %s of %s on %s are free: %s; ask for fewer tokens at a time, take a smaller weight type, or use backend machine"
            .formatted(text(bytes), text(free), text(device.bytes()), device.name(), missing),
        "cuMemAlloc",
        "CUDA_ERROR_OUT_OF_MEMORY");
  }

  /** Releases the context. What belongs to it must be closed before. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Status.cuda(
          "cuDevicePrimaryCtxRelease", CudaDriver.cuDevicePrimaryCtxRelease_v2(device.handle()));
    }
  }

  /** Bytes for people. */
  static String text(long bytes) {
    double mebibytes = bytes / 1048576.0;
    return mebibytes < 1024
        ? String.format(Locale.ROOT, "%.1f MiB", mebibytes)
        : String.format(Locale.ROOT, "%.1f GiB", mebibytes / 1024);
  }
}
