package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import llada.cuda.driver.CudaDriver;

/** A queue of work for the device, done in order. */
public final class CudaStream implements AutoCloseable {
  private MemorySegment handle;

  /** A stream that waits for no other. */
  public CudaStream() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_POINTER);
      Status.cuda(
          "cuStreamCreate", CudaDriver.cuStreamCreate(out, CudaDriver.CU_STREAM_NON_BLOCKING()));
      handle = out.get(CudaDriver.C_POINTER, 0);
    }
  }

  MemorySegment handle() {
    if (handle == null) {
      throw new IllegalStateException("the stream was closed");
    }
    return handle;
  }

  /** Waits until all that was queued is done. */
  public void synchronize() {
    Status.cuda("cuStreamSynchronize", CudaDriver.cuStreamSynchronize(handle()));
  }

  /** What is queued from now on waits, on the device, for the event. */
  public void waitFor(CudaEvent event) {
    Status.cuda("cuStreamWaitEvent", CudaDriver.cuStreamWaitEvent(handle(), event.handle(), 0));
  }

  /** Queues a copy from pinned host memory to the device. */
  public void upload(long to, MemorySegment from, long bytes) {
    Status.cuda("cuMemcpyHtoDAsync", CudaDriver.cuMemcpyHtoDAsync_v2(to, from, bytes, handle()));
  }

  /** Queues a copy from the device to pinned host memory. */
  public void download(MemorySegment to, long from, long bytes) {
    Status.cuda("cuMemcpyDtoHAsync", CudaDriver.cuMemcpyDtoHAsync_v2(to, from, bytes, handle()));
  }

  /** Queues a copy within the device. */
  public void copy(long to, long from, long bytes) {
    Status.cuda("cuMemcpyDtoDAsync", CudaDriver.cuMemcpyDtoDAsync_v2(to, from, bytes, handle()));
  }

  /** Queues setting memory to 0. */
  public void clear(long address, long bytes) {
    if (bytes > 0) {
      Status.cuda(
          "cuMemsetD8Async", CudaDriver.cuMemsetD8Async(address, (byte) 0, bytes, handle()));
    }
  }

  /** From now on work is written down and not done. */
  public void beginCapture() {
    Status.cuda(
        "cuStreamBeginCapture",
        CudaDriver.cuStreamBeginCapture_v2(
            handle(), CudaDriver.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL()));
  }

  /** What was written down, ready to run. */
  public CudaGraph endCapture() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_POINTER);
      Status.cuda("cuStreamEndCapture", CudaDriver.cuStreamEndCapture(handle(), out));
      return new CudaGraph(out.get(CudaDriver.C_POINTER, 0));
    }
  }

  /** Ends a capture that went wrong; whatever it holds is dropped. */
  public void abandonCapture() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_POINTER);
      int status = CudaDriver.cuStreamEndCapture(handle(), out);
      MemorySegment graph = out.get(CudaDriver.C_POINTER, 0);
      if (status == CudaDriver.CUDA_SUCCESS() && !graph.equals(MemorySegment.NULL)) {
        Status.cuda("cuGraphDestroy", CudaDriver.cuGraphDestroy(graph));
      }
    }
  }

  @Override
  public void close() {
    if (handle != null) {
      MemorySegment closed = handle;
      handle = null;
      Status.cuda("cuStreamDestroy", CudaDriver.cuStreamDestroy_v2(closed));
    }
  }
}
