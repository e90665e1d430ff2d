package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import llada.cuda.driver.CudaDriver;

/** Work that was written down once and is queued as a whole: hundreds of launches by one call. */
public final class CudaGraph implements AutoCloseable {
  private MemorySegment executable;

  /** Makes it executable; the description is not needed any more. */
  CudaGraph(MemorySegment graph) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_POINTER);
      Status.cuda(
          "cuGraphInstantiateWithFlags", CudaDriver.cuGraphInstantiateWithFlags(out, graph, 0));
      executable = out.get(CudaDriver.C_POINTER, 0);
    } finally {
      Status.cuda("cuGraphDestroy", CudaDriver.cuGraphDestroy(graph));
    }
  }

  /** Queues all of it. */
  public void launch(CudaStream stream) {
    if (executable == null) {
      throw new IllegalStateException("the graph was closed");
    }
    Status.cuda("cuGraphLaunch", CudaDriver.cuGraphLaunch(executable, stream.handle()));
  }

  @Override
  public void close() {
    if (executable != null) {
      MemorySegment closed = executable;
      executable = null;
      Status.cuda("cuGraphExecDestroy", CudaDriver.cuGraphExecDestroy(closed));
    }
  }
}
