package llada.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Copies between host and device through two pinned buffers: while the device takes one, the other
 * is filled, which for a mapped file means read from disk.
 */
final class Transfers implements AutoCloseable {
  private static final long BUFFER = 8L << 20;

  private final CudaStream compute;
  private final CudaStream copies = new CudaStream();
  private final PinnedMemory[] buffers = {new PinnedMemory(BUFFER), new PinnedMemory(BUFFER)};
  private final CudaEvent[] free = {new CudaEvent(), new CudaEvent()};
  private final CudaEvent ordered = new CudaEvent();
  private final boolean[] busy = new boolean[2];
  private int next;

  /** Copies that keep their place among the work of {@code compute}. */
  Transfers(CudaStream compute) {
    this.compute = compute;
  }

  /**
   * Queues a copy to the device. It starts when what is queued on the compute stream is done, and
   * what comes after waits for it; the host may change {@code from} on return.
   */
  void upload(long to, MemorySegment from) {
    ordered.record(compute);
    copies.waitFor(ordered);
    for (long at = 0; at < from.byteSize(); at += BUFFER) {
      long bytes = Math.min(BUFFER, from.byteSize() - at);
      int b = nextBuffer();
      MemorySegment.copy(from, at, buffers[b].segment(), 0, bytes);
      copies.upload(to + at, buffers[b].segment(), bytes);
      free[b].record(copies);
      busy[b] = true;
    }
    ordered.record(copies);
    compute.waitFor(ordered);
  }

  /** Copies to the host, once all that is queued on the compute stream is done. */
  void download(MemorySegment to, long from) {
    long bytes = to.byteSize();
    long queued = 0;
    int[] pending = new int[2];
    int count = 0;
    for (long at = 0; at < bytes; at += BUFFER) {
      while (count < 2 && queued < bytes) {
        int b = nextBuffer();
        compute.download(buffers[b].segment(), from + queued, Math.min(BUFFER, bytes - queued));
        free[b].record(compute);
        busy[b] = true;
        pending[count++] = b;
        queued += BUFFER;
      }
      int b = pending[0];
      await(b);
      MemorySegment.copy(buffers[b].segment(), 0, to, at, Math.min(BUFFER, bytes - at));
      pending[0] = pending[1];
      count--;
    }
  }

  /** A buffer that the device has done with. */
  private int nextBuffer() {
    int b = next;
    next = 1 - next;
    await(b);
    return b;
  }

  private void await(int b) {
    if (busy[b]) {
      free[b].synchronize();
      busy[b] = false;
    }
  }

  @Override
  public void close() {
    for (int b = 0; b < 2; b++) {
      free[b].close();
      buffers[b].close();
    }
    ordered.close();
    copies.close();
  }
}
