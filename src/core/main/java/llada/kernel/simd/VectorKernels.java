package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.kernel.scalar.AdamW;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;
import llada.kernel.scalar.Route;
import llada.kernel.scalar.Router;
import llada.tensor.Tensor;

/**
 * The contract on the Vector API, several threads at a time. Embedding stays scalar: it only
 * copies.
 */
public class VectorKernels implements Kernels, AutoCloseable {
  /** Elements that make a piece of work large enough to hand to a thread. */
  private static final int GRAIN = 16 * 1024;

  /** Rows of a norm whose gradients are summed before they meet the others'. */
  private static final int NORM_ROWS = 64;

  private final Parallel parallel;
  private final Scratch[] scratch;
  private final SoftmaxStatistics[] vocabulary;
  private final GumbelMax[] gumbelMax;
  private final GradientScratch[] gradientScratch;
  private final MaskedCrossEntropy maskedCrossEntropy = new MaskedCrossEntropy();

  /** Kernels that run on the workers of {@code parallel}. */
  public VectorKernels(Parallel parallel) {
    this.parallel = parallel;
    this.scratch = new Scratch[parallel.workers()];
    this.vocabulary = new SoftmaxStatistics[scratch.length];
    this.gumbelMax = new GumbelMax[scratch.length];
    this.gradientScratch = new GradientScratch[scratch.length];
    for (int i = 0; i < scratch.length; i++) {
      scratch[i] = new Scratch();
      vocabulary[i] = new SoftmaxStatistics();
      gumbelMax[i] = new GumbelMax();
      gradientScratch[i] = new GradientScratch();
    }
  }

  /** Frees what native memory there is. */
  @Override
  public void close() {
    maskedCrossEntropy.close();
  }

  /**
   * Weights to float32, as {@link llada.tensor.DType#decode}, for a worker of a kernel.
   *
   * @param first of the elements, and {@code count} of them: multiples of the block length
   */
  protected final void decode(float[] out, Tensor weight, long first, int count, int worker) {
    Decoding.decode(out, 0, weight, first, count, scratch[worker]);
  }

  @Override
  public void matmul(Tensor out, Tensor x, Tensor weight) {
    Matmul.forward(out, x, weight, parallel, scratch);
  }

  @Override
  public void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionShape shape, AttentionMask mask) {
    Attention.forward(out, q, k, v, shape, mask, parallel, scratch);
  }

  @Override
  public void storeCacheRows(Tensor cache, int[] rows, Tensor x) {
    llada.kernel.scalar.CacheRows.checkStore(cache, rows, x);
    forEachRow(
        x, (t, worker) -> CacheRows.store(cache, rows[(int) t], x, (int) t, scratch[worker]));
  }

  @Override
  public void loadCacheRows(Tensor out, Tensor cache) {
    llada.kernel.scalar.CacheRows.checkLoad(out, cache);
    forEachRow(out, (t, worker) -> CacheRows.load(out, cache, (int) t, scratch[worker]));
  }

  @Override
  public void rmsNorm(Tensor out, Tensor x, Tensor weight, float eps) {
    llada.kernel.scalar.RmsNorm.check(out, x, weight);
    int c = x.dim(1);
    MemorySegment scale = scratch[0].floats(weight);
    forEachRow(x, (t, worker) -> RmsNorm.row(out.data(), x.data(), t * c, scale, c, eps));
  }

  @Override
  public void rope(Tensor x, int[] positions, RopeTables tables) {
    llada.kernel.scalar.Rope.check(x, positions, tables);
    int channels = x.dim(1);
    forEachRow(
        x,
        (t, worker) -> {
          if (tables.layout() == RopeLayout.INTERLEAVED) {
            float[] buffer = scratch[worker].inputs(channels);
            Rope.halfSplit(x.data(), t * channels, channels, tables, buffer);
          }
          Rope.row(x.data(), t * channels, channels, tables, positions[(int) t]);
        });
  }

  @Override
  public void addBias(Tensor x, Tensor bias) {
    llada.kernel.scalar.AddBias.check(x, bias);
    int c = x.dim(1);
    MemorySegment values = scratch[0].floats(bias);
    forEachRow(x, (t, _) -> Residual.row(x.data(), x.data(), t * c, values, 0, c));
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
  public void residual(Tensor out, Tensor x, Tensor delta) {
    llada.kernel.scalar.Residual.check(out, x, delta);
    int c = x.dim(1);
    forEachRow(x, (t, worker) -> Residual.row(out.data(), x.data(), t * c, delta.data(), t * c, c));
  }

  @Override
  public void route(
      int[] experts, float[] weights, Tensor logits, Tensor bias, int perToken, Router router) {
    Route.check(experts, weights, logits, bias, perToken, router);
    Route route = new Route(logits, bias, perToken, router);
    parallel.forEach(
        logits.dim(0),
        (t, worker) -> route.row(experts, weights, t, scratch[worker].parts(route.scratch())));
  }

  @Override
  public void combine(Tensor out, Tensor y, int[] rows, float[] weights) {
    llada.kernel.scalar.Combine.check(out, y, rows, weights);
    int k = rows.length / Math.max(1, out.dim(0));
    int c = out.dim(1);
    forEachRow(out, (t, _) -> Combine.row(out.data(), y.data(), rows, weights, (int) t, k, c));
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

  @Override
  public void embeddingBackward(Tensor dTable, int[] ids, Tensor dOut) {
    llada.kernel.scalar.Embedding.checkBackward(dTable, ids, dOut);
    int c = dTable.dim(1);
    int step = Embedding.CHANNELS;
    parallel.forEach(
        (c + step - 1) / step,
        (task, _) ->
            Embedding.backward(dTable, ids, dOut, task * step, Math.min(c, task * step + step)));
  }

  @Override
  public void rmsNormBackward(
      Tensor dx, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, float eps) {
    llada.kernel.scalar.RmsNorm.checkBackward(dx, dWeight, dOut, x, weight);
    int rows = x.dim(0);
    int c = x.dim(1);
    float[] scale = weight.toArray();
    int pieces = (rows + NORM_ROWS - 1) / NORM_ROWS;
    // A sum for each piece of rows, added up in their order: whoever did them.
    float[] sums = gradientScratch[0].get(GradientScratch.Use.SUMS, (long) pieces * c);
    parallel.forEach(
        pieces,
        (piece, _) -> {
          Arrays.fill(sums, piece * c, (piece + 1) * c, 0);
          for (int t = piece * NORM_ROWS; t < Math.min(rows, (piece + 1) * NORM_ROWS); t++) {
            RmsNorm.backwardRow(
                dx.data(), sums, piece * c, dOut.data(), x.data(), (long) t * c, scale, c, eps);
          }
        });
    for (int i = 0; i < c; i++) {
      float sum = dWeight.get(i);
      for (int piece = 0; piece < pieces; piece++) {
        sum += sums[piece * c + i];
      }
      dWeight.set(i, sum);
    }
  }

  @Override
  public void matmulBackwardInput(Tensor dx, Tensor dOut, Tensor weight) {
    MatmulBackward.input(dx, dOut, weight, parallel, gradientScratch);
  }

  @Override
  public void matmulBackwardWeight(Tensor dWeight, Tensor dOut, Tensor x) {
    MatmulBackward.weight(dWeight, dOut, x, parallel, gradientScratch);
  }

  @Override
  public void ropeBackward(Tensor dx, int[] positions, RopeTables tables) {
    llada.kernel.scalar.Rope.check(dx, positions, tables);
    int channels = dx.dim(1);
    forEachRow(
        dx,
        (t, worker) -> {
          Rope.backwardRow(dx.data(), t * channels, channels, tables, positions[(int) t]);
          if (tables.layout() == RopeLayout.INTERLEAVED) {
            float[] buffer = scratch[worker].inputs(channels);
            Rope.interleave(dx.data(), t * channels, channels, tables, buffer);
          }
        });
  }

  @Override
  public void attentionBackward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      AttentionMask mask) {
    AttentionBackward.backward(dq, dk, dv, dOut, q, k, v, shape, mask, parallel, gradientScratch);
  }

  @Override
  public void swiGluBackward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up) {
    llada.kernel.scalar.SwiGlu.checkBackward(dGate, dUp, dOut, gate, up);
    int f = gate.dim(1);
    forEachRow(
        gate,
        (t, worker) ->
            SwiGlu.backwardRow(
                dGate.data(),
                dUp.data(),
                dOut.data(),
                gate.data(),
                up.data(),
                t * f,
                f,
                scratch[worker]));
  }

  @Override
  public void maskedCrossEntropyBackward(
      double[] losses,
      Tensor dHidden,
      Tensor dHead,
      Tensor hidden,
      Tensor head,
      int[] targets,
      double[] weights) {
    maskedCrossEntropy.backward(
        losses, dHidden, dHead, hidden, head, targets, weights, this, parallel, vocabulary);
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

  // An optimizer's loops are the reference's, which memory limits, in pieces for the threads.

  @Override
  public void adamW(Tensor w, Tensor g, Tensor m, Tensor v, AdamW.Step step) {
    AdamW.check(w, g, m, v);
    forEachPiece(w, (from, count) -> AdamW.update(w, g, m, v, step, from, count));
  }

  @Override
  public double sumOfSquares(List<Tensor> tensors) {
    double sum = 0;
    for (Tensor tensor : tensors) {
      double[] sums = new double[AdamW.pieces(tensor)];
      parallel.forEach(sums.length, (i, _) -> sums[i] = AdamW.sumOfSquares(tensor, i));
      for (double s : sums) {
        sum += s;
      }
    }
    return sum;
  }

  @Override
  public void average(Tensor average, Tensor value, float share) {
    AdamW.checkAverage(average, value);
    forEachPiece(average, (from, count) -> AdamW.average(average, value, share, from, count));
  }

  private interface Range {
    void run(long from, long count);
  }

  private void forEachPiece(Tensor tensor, Range range) {
    long elements = tensor.shape().elements();
    parallel.forEach(
        AdamW.pieces(tensor),
        (i, _) -> {
          long from = (long) i * AdamW.PIECE;
          range.run(from, Math.min(AdamW.PIECE, elements - from));
        });
  }
}
