package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import llada.cuda.driver.CudaDriver;

/** A mark in a stream. */
public final class CudaEvent implements AutoCloseable {
  private MemorySegment handle;

  /** An event that counts as passed until it is recorded. */
  public CudaEvent() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_POINTER);
      Status.cuda(
          "cuEventCreate", CudaDriver.cuEventCreate(out, CudaDriver.CU_EVENT_DISABLE_TIMING()));
      handle = out.get(CudaDriver.C_POINTER, 0);
    }
  }

  MemorySegment handle() {
    if (handle == null) {
      throw new IllegalStateException("the event was closed");
    }
    return handle;
  }

  /** Marks what is queued so far. */
  public void record(CudaStream stream) {
    Status.cuda("cuEventRecord", CudaDriver.cuEventRecord(handle(), stream.handle()));
  }

  /** Waits until the device has passed the mark. */
  public void synchronize() {
    Status.cuda("cuEventSynchronize", CudaDriver.cuEventSynchronize(handle()));
  }

  @Override
  public void close() {
    if (handle != null) {
      MemorySegment closed = handle;
      handle = null;
      Status.cuda("cuEventDestroy", CudaDriver.cuEventDestroy_v2(closed));
    }
  }
}
