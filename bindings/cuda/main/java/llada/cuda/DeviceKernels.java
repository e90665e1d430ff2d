package llada.cuda;

import java.util.Locale;
import llada.cuda.CudaFunction.Geometry;
import llada.tensor.DType;

/** What every op needs: a stream, kernels by name, tensors on the device, memory in between. */
final class DeviceKernels implements AutoCloseable {
  private static final int THREADS = 256;

  /** Most blocks in the second dimension of a grid. */
  static final int MAX_BLOCKS = 65535;

  private final CudaContext context;
  private final CudaStream compute;
  private final Programs programs;
  private final DeviceTensors tensors;
  private final Scratch scratch;

  DeviceKernels(CudaContext context, KernelCache cache) {
    this.context = context;
    this.compute = new CudaStream();
    this.programs = new Programs(cache, context.device());
    this.tensors = new DeviceTensors(context, compute);
    this.scratch = new Scratch(tensors, compute);
  }

  CudaContext context() {
    return context;
  }

  CudaStream compute() {
    return compute;
  }

  DeviceTensors tensors() {
    return tensors;
  }

  Scratch scratch() {
    return scratch;
  }

  /** Queues a kernel; see {@link CudaFunction#launch}. */
  void launch(String file, String kernel, Geometry geometry, Object... arguments) {
    programs.function(file, kernel).launch(compute, geometry, arguments);
  }

  /** A type as kernels' names have it. */
  static String name(DType dtype) {
    return dtype.name().toLowerCase(Locale.ROOT);
  }

  /** A thread for each of n numbers, or for several. */
  static Geometry elements(long n) {
    return Geometry.of(Math.min(MAX_BLOCKS, (n + THREADS - 1) / THREADS), THREADS);
  }

  /** A block for each of these rows. */
  static Geometry rows(int rows, int columns) {
    return Geometry.of(rows, threads(columns));
  }

  /** Whole warps, enough for a row of this length or as many as go along well. */
  static int threads(int columns) {
    return Math.min(THREADS, Math.max(32, (columns + 31) / 32 * 32));
  }

  @Override
  public void close() {
    try {
      tensors.close();
    } finally {
      scratch.close();
      programs.close();
      compute.close();
    }
  }
}
