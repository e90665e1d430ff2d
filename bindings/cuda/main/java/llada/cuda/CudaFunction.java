package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import llada.cuda.driver.CudaDriver;

/** A kernel. Lives as long as its module; not thread-safe. */
public final class CudaFunction {
  private static final int MAX_ARGUMENTS = 32;
  private static final int SHARED_WITHOUT_ASKING = 48 * 1024;

  private final String name;
  private final MemorySegment handle;
  private final MemorySegment values;
  private final MemorySegment pointers;
  private int sharedAllowed = SHARED_WITHOUT_ASKING;

  /**
   * How many threads, and how much memory a block's threads share.
   *
   * @param shared bytes, beside what the kernel declares
   */
  public record Geometry(int gridX, int gridY, int gridZ, int blockX, int blockY, int shared) {
    /** Blocks in a row, of threads in a row. */
    public static Geometry of(long blocks, int threads) {
      return new Geometry(Math.toIntExact(blocks), 1, 1, threads, 1, 0);
    }

    /** Enough threads for {@code elements}, one each. */
    public static Geometry covering(long elements, int threads) {
      return of((elements + threads - 1) / threads, threads);
    }

    /** Blocks in a plane, of threads in a row. */
    public static Geometry of(long blocksX, long blocksY, int threads) {
      return new Geometry(Math.toIntExact(blocksX), Math.toIntExact(blocksY), 1, threads, 1, 0);
    }

    /** The same with shared memory. */
    public Geometry sharing(int bytes) {
      return new Geometry(gridX, gridY, gridZ, blockX, blockY, bytes);
    }
  }

  CudaFunction(String name, MemorySegment handle) {
    this.name = name;
    this.handle = handle;
    Arena arena = Arena.ofAuto();
    values = arena.allocate(8L * MAX_ARGUMENTS, 8);
    pointers = arena.allocate(CudaDriver.C_POINTER, MAX_ARGUMENTS);
    for (int i = 0; i < MAX_ARGUMENTS; i++) {
      pointers.setAtIndex(CudaDriver.C_POINTER, i, values.asSlice(8L * i, 8));
    }
  }

  /**
   * Queues a launch.
   *
   * @param arguments in the kernel's order and of its exact types: a Long for a pointer or a 64-bit
   *     integer, an Integer, a Float, a Double
   */
  public void launch(CudaStream stream, Geometry geometry, Object... arguments) {
    if (geometry.gridX == 0 || geometry.gridY == 0 || geometry.gridZ == 0) {
      return; // nothing to do, which CUDA calls an error
    }
    for (int i = 0; i < arguments.length; i++) {
      long at = 8L * i;
      switch (arguments[i]) {
        case Long value -> values.set(CudaDriver.C_LONG_LONG, at, value);
        case Integer value -> values.set(CudaDriver.C_INT, at, value);
        case Float value -> values.set(CudaDriver.C_FLOAT, at, value);
        case Double value -> values.set(CudaDriver.C_DOUBLE, at, value);
        default ->
            throw new IllegalArgumentException(
                "%s: argument %d is a %s"
                    .formatted(name, i, arguments[i].getClass().getSimpleName()));
      }
    }
    allowShared(geometry.shared);
    Status.cuda(
        "cuLaunchKernel " + name,
        CudaDriver.cuLaunchKernel(
            handle,
            geometry.gridX,
            geometry.gridY,
            geometry.gridZ,
            geometry.blockX,
            geometry.blockY,
            1,
            geometry.shared,
            stream.handle(),
            pointers,
            MemorySegment.NULL));
  }

  private void allowShared(int bytes) {
    if (bytes > sharedAllowed) {
      Status.cuda(
          "cuFuncSetAttribute " + name,
          CudaDriver.cuFuncSetAttribute(
              handle, CudaDriver.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES(), bytes));
      sharedAllowed = bytes;
    }
  }
}
