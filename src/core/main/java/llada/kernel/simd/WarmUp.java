package llada.kernel.simd;

import java.lang.foreign.Arena;
import java.util.stream.IntStream;
import llada.kernel.Parallel;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;
import llada.kernel.scalar.SoftmaxStatistics;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * Has the row ops of the forward pass compiled while a model is still being opened, on a thread of
 * its own: their first calls wait for the compiler, which would otherwise be in the first answer.
 */
public final class WarmUp {
  private static final int ROWS = 128;
  private static final int CHANNELS = 256;
  private static final int HEAD = 64;
  private static final int VOCABULARY = 1024;

  /** Calls of each op, so that compiled code is also entered from its beginning. */
  private static final int CALLS = 3;

  private static boolean begun;

  private WarmUp() {}

  /** Begins it, once in a process, if there are vectors. Nothing waits for its end. */
  public static synchronized void begin() {
    if (!begun && ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
      begun = true;
      Thread.ofPlatform().daemon().name("llada-warm-up").start(WarmUp::run);
    }
  }

  private static void run() {
    try (Arena arena = Arena.ofShared();
        VectorKernels kernels = new VectorKernels(Parallel.SERIAL)) {
      Tensor x = Tensor.allocate(arena, DType.F32, ROWS, CHANNELS);
      Tensor out = Tensor.allocate(arena, DType.F32, ROWS, CHANNELS);
      Tensor norm = Tensor.allocate(arena, DType.F32, CHANNELS);
      Tensor angles = Tensor.allocate(arena, DType.F32, ROWS, HEAD / 2);
      Tensor logits = Tensor.allocate(arena, DType.F32, ROWS, VOCABULARY);
      SoftmaxStatistics.Rows statistics = new SoftmaxStatistics.Rows(ROWS);
      int[] rows = IntStream.range(0, ROWS).toArray();
      RopeTables tables = new RopeTables(angles, angles, HEAD, RopeLayout.INTERLEAVED);
      for (int i = 0; i < CALLS; i++) {
        kernels.rmsNorm(out, x, norm, 1e-5f);
        kernels.rope(x, rows, tables);
        kernels.storeCacheRows(out, rows, x);
        kernels.residual(out, x, out);
        kernels.softmaxStatistics(statistics, logits, Exclusions.none(VOCABULARY));
      }
    }
  }
}
