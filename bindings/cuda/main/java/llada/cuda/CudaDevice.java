package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import llada.cuda.driver.CudaDriver;

/**
 * A GPU.
 *
 * @param handle the driver's number
 * @param major of the compute capability
 * @param minor of the compute capability
 * @param multiprocessors how many blocks can run side by side, at least
 * @param bytes of memory in all
 */
public record CudaDevice(
    int handle, String name, int major, int minor, int multiprocessors, long bytes) {
  private static final int NAME_LENGTH = 256;

  /**
   * All GPUs that the driver shows.
   *
   * @throws CudaException if the driver is missing or does not start
   */
  public static List<CudaDevice> list() {
    CudaLibraries.ofProcess().load(CudaLibraries.Library.DRIVER);
    Status.cuda("cuInit", CudaDriver.cuInit(0));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_LONG);
      Status.cuda("cuDeviceGetCount", CudaDriver.cuDeviceGetCount(out));
      int count = out.get(CudaDriver.C_INT, 0);
      List<CudaDevice> devices = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        devices.add(read(i, arena, out));
      }
      return List.copyOf(devices);
    }
  }

  private static CudaDevice read(int ordinal, Arena arena, MemorySegment out) {
    Status.cuda("cuDeviceGet", CudaDriver.cuDeviceGet(out, ordinal));
    int handle = out.get(CudaDriver.C_INT, 0);
    MemorySegment name = arena.allocate(NAME_LENGTH);
    Status.cuda("cuDeviceGetName", CudaDriver.cuDeviceGetName(name, NAME_LENGTH, handle));
    int major = attribute(out, CudaDriver.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR(), handle);
    int minor = attribute(out, CudaDriver.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR(), handle);
    int processors = attribute(out, CudaDriver.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT(), handle);
    Status.cuda("cuDeviceTotalMem", CudaDriver.cuDeviceTotalMem_v2(out, handle));
    long bytes = out.get(CudaDriver.C_LONG, 0);
    return new CudaDevice(handle, name.getString(0), major, minor, processors, bytes);
  }

  private static int attribute(MemorySegment out, int attribute, int handle) {
    Status.cuda("cuDeviceGetAttribute", CudaDriver.cuDeviceGetAttribute(out, attribute, handle));
    return out.get(CudaDriver.C_INT, 0);
  }

  /** The version of CUDA that the driver speaks, such as 13000. */
  static int driverVersion() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_INT);
      Status.cuda("cuDriverGetVersion", CudaDriver.cuDriverGetVersion(out));
      return out.get(CudaDriver.C_INT, 0);
    }
  }

  /** As NVRTC names it, such as sm_90. */
  public String architecture() {
    return "sm_" + major + minor;
  }

  /** As a line for the user. */
  @Override
  public String toString() {
    return "%s, %s, %d multiprocessors, %s"
        .formatted(name, architecture(), multiprocessors, CudaContext.text(bytes));
  }
}
