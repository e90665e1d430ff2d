package llada.cuda;

import llada.cuda.driver.CudaDriver;

/** A piece of device memory. */
public final class DeviceMemory implements AutoCloseable {
  private final long bytes;
  private long address;

  DeviceMemory(long address, long bytes) {
    this.address = address;
    this.bytes = bytes;
  }

  /**
   * Where it is, for the device.
   *
   * @throws IllegalStateException if it was freed
   */
  public long address() {
    if (address == 0) {
      throw new IllegalStateException("device memory of " + bytes + " bytes was freed");
    }
    return address;
  }

  public long bytes() {
    return bytes;
  }

  /** Frees it, after the device has done what was asked of it before. */
  @Override
  public void close() {
    long freed = address;
    address = 0;
    if (freed != 0) {
      Status.cuda("cuMemFree", CudaDriver.cuMemFree_v2(freed));
    }
  }
}
