package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.RopeLayout;
import llada.tensor.Tensor;

/**
 * The contract on the Vector API, several threads at a time. Embedding stays scalar: it only
 * copies.
 */
public class VectorKernels implements Kernels {
  /** Elements that make a piece of work large enough to hand to a thread. */
  private static final int GRAIN = 16 * 1024;

  private final Parallel parallel;
  private final Scratch[] scratch;
  private final SoftmaxStatistics[] vocabulary;
  private final GumbelMax[] gumbelMax;

  /** Kernels that run on the workers of {@code parallel}. */
  public VectorKernels(Parallel parallel) {
    this.parallel = parallel;
    this.scratch = new Scratch[parallel.workers()];
    this.vocabulary = new SoftmaxStatistics[scratch.length];
    this.gumbelMax = new GumbelMax[scratch.length];
    for (int i = 0; i < scratch.length; i++) {
      scratch[i] = new Scratch();
      vocabulary[i] = new SoftmaxStatistics();
      gumbelMax[i] = new GumbelMax();
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
    forEachRow(x, (t, worker) -> RmsNorm.row(out.data(), x.data(), t * c, scale, c, eps));
  }

  @Override
  public void rope(Tensor x, int[] positions, Tensor cos, Tensor sin, RopeLayout layout) {
    llada.kernel.scalar.Rope.check(x, positions, cos, sin);
    int channels = x.dim(1);
    int half = cos.dim(1);
    forEachRow(
        x,
        (t, worker) -> {
          if (layout == RopeLayout.INTERLEAVED) {
            float[] buffer = scratch[worker].inputs(channels);
            Rope.halfSplit(x.data(), t * channels, channels, half, buffer);
          }
          Rope.row(
              x.data(), t * channels, channels, cos.data(), sin.data(), positions[(int) t], half);
        });
  }

  @Override
  public void swiGlu(Tensor out, Tensor gate, Tensor up) {
    llada.kernel.scalar.SwiGlu.check(out, gate, up);
    int f = gate.dim(1);
    forEachRow(
        gate,
        (t, worker) -> SwiGlu.row(out.data(), gate.data(), up.data(), t * f, f, scratch[worker]));
  }

  @Override
  public void residual(Tensor x, Tensor delta) {
    llada.kernel.scalar.Residual.check(x, delta);
    int c = x.dim(1);
    forEachRow(x, (t, worker) -> Residual.row(x.data(), delta.data(), t * c, c));
  }

  @Override
  public void softmaxStatistics(
      llada.kernel.scalar.SoftmaxStatistics.Rows out, Tensor logits, Exclusions exclusions) {
    llada.kernel.scalar.SoftmaxStatistics.check(out, logits, exclusions);
    parallel.forEach(
        logits.dim(0), (r, worker) -> vocabulary[worker].statistics(out, r, logits, exclusions));
  }

  @Override
  public void gumbelMax(
      int[] tokens,
      Tensor logits,
      Exclusions exclusions,
      double temperature,
      llada.kernel.scalar.GumbelMax.Noise noise) {
    llada.kernel.scalar.GumbelMax.check(tokens, logits, exclusions, temperature);
    parallel.forEach(
        logits.dim(0),
        (r, worker) ->
            tokens[r] = gumbelMax[worker].row(r, logits, exclusions, temperature, noise));
  }

  @Override
  public void maskedCrossEntropy(double[] losses, Tensor logits, int[] targets, double[] weights) {
    llada.kernel.scalar.MaskedCrossEntropy.check(losses, logits, targets, weights);
    parallel.forEach(
        targets.length,
        (r, worker) ->
            losses[r] = weights[r] * vocabulary[worker].crossEntropy(logits, r, targets[r]));
  }

  private interface RowTask {
    void run(long row, int worker);
  }

  private void forEachRow(Tensor x, RowTask task) {
    int rows = x.dim(0);
    int chunk = Math.max(1, GRAIN / Math.max(1, x.dim(1)));
    parallel.forEach(
        (rows + chunk - 1) / chunk,
        (piece, worker) -> {
          int end = Math.min(rows, (piece + 1) * chunk);
          for (int t = piece * chunk; t < end; t++) {
            task.run(t, worker);
          }
        });
  }
}
