package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import llada.cuda.driver.CudaDriver;

/** Compiled kernels, loaded. */
public final class CudaModule implements AutoCloseable {
  private MemorySegment handle;

  /** Loads a cubin. */
  public CudaModule(byte[] cubin) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_POINTER);
      MemorySegment image = arena.allocate(cubin.length + 1L, 64);
      MemorySegment.copy(cubin, 0, image, ValueLayout.JAVA_BYTE, 0, cubin.length);
      Status.cuda("cuModuleLoadData", CudaDriver.cuModuleLoadData(out, image));
      handle = out.get(CudaDriver.C_POINTER, 0);
    }
  }

  /** The kernel of this name. */
  public CudaFunction function(String name) {
    if (handle == null) {
      throw new IllegalStateException("the module was closed");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CudaDriver.C_POINTER);
      Status.cuda(
          "cuModuleGetFunction " + name,
          CudaDriver.cuModuleGetFunction(out, handle, arena.allocateFrom(name)));
      return new CudaFunction(name, out.get(CudaDriver.C_POINTER, 0));
    }
  }

  @Override
  public void close() {
    if (handle != null) {
      MemorySegment closed = handle;
      handle = null;
      Status.cuda("cuModuleUnload", CudaDriver.cuModuleUnload(closed));
    }
  }
}
