package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.tensor.Tensor;

/**
 * The contract on the Vector API, several threads at a time. Embedding stays scalar: it only
 * copies.
 */
public final class VectorKernels implements Kernels {
  /** Elements that make a piece of work large enough to hand to a thread. */
  private static final int GRAIN = 16 * 1024;

  private final Parallel parallel;
  private final Scratch[] scratch;

  /** Kernels that run on the workers of {@code parallel}. */
  public VectorKernels(Parallel parallel) {
    this.parallel = parallel;
    this.scratch = new Scratch[parallel.workers()];
    for (int i = 0; i < scratch.length; i++) {
      scratch[i] = new Scratch();
    }
  }

  @Override
  public void matmul(Tensor out, Tensor x, Tensor weight) {
    Matmul.forward(out, x, weight, parallel, scratch);
  }

  @Override
  public void attention(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      boolean[] visible,
      int batch,
      int heads,
      int kvHeads) {
    Attention.forward(out, q, k, v, visible, batch, heads, kvHeads, parallel, scratch);
  }

  @Override
  public void rmsNorm(Tensor out, Tensor x, Tensor weight, float eps) {
    llada.kernel.scalar.RmsNorm.check(out, x, weight);
    int c = x.dim(1);
    MemorySegment scale = scratch[0].floats(weight);
    forEachRow(x, (t, own) -> RmsNorm.row(out.data(), x.data(), t * c, scale, c, eps));
  }

  @Override
  public void rope(Tensor x, int[] positions, Tensor cos, Tensor sin) {
    llada.kernel.scalar.Rope.check(x, positions, cos, sin);
    int channels = x.dim(1);
    int half = cos.dim(1);
    forEachRow(
        x,
        (t, own) ->
            Rope.row(
                x.data(),
                t * channels,
                channels,
                cos.data(),
                sin.data(),
                positions[(int) t],
                half));
  }

  @Override
  public void swiGlu(Tensor out, Tensor gate, Tensor up) {
    llada.kernel.scalar.SwiGlu.check(out, gate, up);
    int f = gate.dim(1);
    forEachRow(gate, (t, own) -> SwiGlu.row(out.data(), gate.data(), up.data(), t * f, f, own));
  }

  @Override
  public void residual(Tensor x, Tensor delta) {
    llada.kernel.scalar.Residual.check(x, delta);
    int c = x.dim(1);
    forEachRow(x, (t, own) -> Residual.row(x.data(), delta.data(), t * c, c));
  }

  private interface RowTask {
    void run(long row, Scratch scratch);
  }

  private void forEachRow(Tensor x, RowTask task) {
    int rows = x.dim(0);
    int chunk = Math.max(1, GRAIN / Math.max(1, x.dim(1)));
    parallel.forEach(
        (rows + chunk - 1) / chunk,
        (piece, worker) -> {
          int end = Math.min(rows, (piece + 1) * chunk);
          for (int t = piece * chunk; t < end; t++) {
            task.run(t, scratch[worker]);
          }
        });
  }
}
