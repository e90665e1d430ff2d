package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import llada.cuda.driver.CudaDriver;

/** Host memory that stays in place, so that the device copies from and to it by itself. */
public final class PinnedMemory implements AutoCloseable {
  private MemorySegment segment;

  /** Allocates {@code bytes}, not initialised. */
  public PinnedMemory(long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_POINTER);
      Status.cuda("cuMemAllocHost", CudaDriver.cuMemAllocHost_v2(out, bytes));
      segment = out.get(CudaDriver.C_POINTER, 0).reinterpret(bytes);
    }
  }

  /** The memory. */
  public MemorySegment segment() {
    if (segment == null) {
      throw new IllegalStateException("pinned memory was freed");
    }
    return segment;
  }

  @Override
  public void close() {
    if (segment != null) {
      MemorySegment freed = segment;
      segment = null;
      Status.cuda("cuMemFreeHost", CudaDriver.cuMemFreeHost(freed));
    }
  }
}
