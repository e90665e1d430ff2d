package llada.kernel;

import java.util.List;
import llada.kernel.scalar.AdamW;
import llada.kernel.scalar.AddBias;
import llada.kernel.scalar.Attention;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.CacheRows;
import llada.kernel.scalar.Combine;
import llada.kernel.scalar.Embedding;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.ExpertMatmul;
import llada.kernel.scalar.GumbelMax;
import llada.kernel.scalar.MaskedCrossEntropy;
import llada.kernel.scalar.Matmul;
import llada.kernel.scalar.Residual;
import llada.kernel.scalar.RmsNorm;
import llada.kernel.scalar.Rope;
import llada.kernel.scalar.RopeTables;
import llada.kernel.scalar.Route;
import llada.kernel.scalar.Router;
import llada.kernel.scalar.SoftmaxStatistics;
import llada.kernel.scalar.SwiGlu;
import llada.tensor.Tensor;

/**
 * Everything that the model asks of a machine: one method an op. Formulas, shapes and what is
 * overwritten stand at the scalar op of the same name, which is also the default body and the
 * reference of the contract tests.
 *
 * <p>The rule on threads: any number of them may share a backend, and so its kernels, each with a
 * predictor and tensors of its own; weights that nobody changes may be shared. Each gets bit for
 * bit what it gets alone, as {@link SharedKernels} serves the calls in turn. A call after the
 * backend, or the owner of a tensor, was closed throws IllegalStateException. An implementation
 * itself, as long as it is not shared so, is called from one thread at a time.
 *
 * <p>A row's bits do not depend on its company. On a processor, row t of every op that works row by
 * row has the same bits whatever the number of rows and of threads, its place among the rows, and
 * what the others hold, be it NaN; the same holds for the gradient of such an op's input. A query's
 * row of {@link #attention} depends on the visible keys within its reach and their order alone: not
 * on the other queries and their reach, on the other sequences, on hidden keys and where they
 * stand, on what stands beyond its reach, be it NaN. So an answer is the same alone, in a padded
 * batch, and from a cache that is up to date: a block, or a single token of a causal model, against
 * a cache has the bits that it has among all tokens. A choice between two ways of computing may
 * therefore look at the length and type of a row, never at the number of rows. Not so on a GPU:
 * cuBLAS chooses its order of sums by the size of the whole product and promises nothing; what
 * stands beyond the reach of every query of a call must not matter there either, what stands
 * between their reaches must be finite. Sums over rows (gradients of weights, of keys and of
 * values) and the gradient of attention depend on all rows.
 */
public interface Kernels {
  /**
   * Says which weights the calls to come will read again and again. A backend with memory of its
   * own takes them there, or refuses at once what does not fit; others do nothing.
   */
  default void load(List<Tensor> weights) {}

  /**
   * Runs {@code body}, calls of these kernels and nothing else. A body whose key equals an earlier
   * one's makes the same calls with the same tensors and arguments; only the numbers in the tensors
   * differ. So a backend may write down what it does once and play it back.
   */
  default void repeat(Object key, Runnable body) {
    body.run();
  }

  /**
   * Waits until all that was asked for is done, for what measures times. A backend may return from
   * an op before it is done; whoever looks at a tensor waits by that alone.
   */
  default void await() {}

  /** See {@link Embedding#forward}: out (T, C) from ids (T) and table (V, C). */
  default void embedding(Tensor out, int[] ids, Tensor table) {
    Embedding.forward(out, ids, table);
  }

  /** See {@link RmsNorm#forward}: out (T, C) from x (T, C) and weight (C). */
  default void rmsNorm(Tensor out, Tensor x, Tensor weight, float eps) {
    RmsNorm.forward(out, x, weight, eps);
  }

  /** See {@link Matmul#forward}: out (T, N) from x (T, K) and weight (N, K). */
  default void matmul(Tensor out, Tensor x, Tensor weight) {
    Matmul.forward(out, x, weight);
  }

  /** See {@link AddBias#forward}: x (T, C) in place, plus bias (C) of any type. */
  default void addBias(Tensor x, Tensor bias) {
    AddBias.forward(x, bias);
  }

  /** See {@link Rope#forward}: x (T, H * D) in place, half-split afterwards, tables (P, R/2). */
  default void rope(Tensor x, int[] positions, RopeTables tables) {
    Rope.forward(x, positions, tables);
  }

  /** See {@link Attention#forward}: out and q (B * Tq, H * D), k and v (B * Tk, kvHeads * D). */
  default void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionShape shape, AttentionMask mask) {
    Attention.forward(out, q, k, v, shape, mask);
  }

  /** See {@link CacheRows#store}: rows (n) of cache (P, C), of any type, from x (n, C). */
  default void storeCacheRows(Tensor cache, int[] rows, Tensor x) {
    CacheRows.store(cache, rows, x);
  }

  /** See {@link CacheRows#load}: out (P, C) from cache (P, C) of any type. */
  default void loadCacheRows(Tensor out, Tensor cache) {
    CacheRows.load(out, cache);
  }

  /** See {@link SwiGlu#forward}: out, gate and up (T, F). */
  default void swiGlu(Tensor out, Tensor gate, Tensor up) {
    SwiGlu.forward(out, gate, up);
  }

  /**
   * See {@link Route#forward}: experts and weights (T * k) from logits (T, E) and bias (E), {@link
   * Route#NO_BIAS} where there is none.
   */
  default void route(
      int[] experts, float[] weights, Tensor logits, Tensor bias, int perToken, Router router) {
    Route.forward(experts, weights, logits, bias, perToken, router);
  }

  /**
   * See {@link ExpertMatmul#forward}: out (N, F) from x (N, C), rows sorted by expert, weights E
   * times (F, C), offsets (E + 1). Each row has the bits that {@link #matmul} gives it.
   */
  default void expertMatmul(Tensor out, Tensor x, List<Tensor> weights, int[] offsets) {
    ExpertMatmul.check(out, x, weights, offsets);
    for (int e = 0; e < weights.size(); e++) {
      int count = offsets[e + 1] - offsets[e];
      if (count > 0) {
        matmul(out.rows(offsets[e], count), x.rows(offsets[e], count), weights.get(e));
      }
    }
  }

  /** See {@link Combine#forward}: out (T, C) from y (T * k, C), rows and weights (T * k). */
  default void combine(Tensor out, Tensor y, int[] rows, float[] weights) {
    Combine.forward(out, y, rows, weights);
  }

  /** See {@link SoftmaxStatistics#forward}: answers for R rows from logits (R, V). */
  default void softmaxStatistics(SoftmaxStatistics.Rows out, Tensor logits, Exclusions exclusions) {
    SoftmaxStatistics.forward(out, logits, exclusions);
  }

  /** See {@link GumbelMax#forward}: tokens (R) drawn from logits (R, V). */
  default void gumbelMax(
      int[] tokens,
      Tensor logits,
      Exclusions exclusions,
      double temperature,
      GumbelMax.Noise noise) {
    GumbelMax.forward(tokens, logits, exclusions, temperature, noise);
  }

  /** See {@link MaskedCrossEntropy#forward}: losses (R) from logits (R, V), targets, weights. */
  default void maskedCrossEntropy(double[] losses, Tensor logits, int[] targets, double[] weights) {
    MaskedCrossEntropy.forward(losses, logits, targets, weights);
  }

  /** See {@link Residual#forward}: out = x + delta, all (T, C). */
  default void residual(Tensor out, Tensor x, Tensor delta) {
    Residual.forward(out, x, delta);
  }

  /** See {@link Embedding#backward}: dTable (V, C) accumulates dOut (T, C). */
  default void embeddingBackward(Tensor dTable, int[] ids, Tensor dOut) {
    Embedding.backward(dTable, ids, dOut);
  }

  /** See {@link RmsNorm#backward}: dx (T, C) and dWeight (C) accumulate. */
  default void rmsNormBackward(
      Tensor dx, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, float eps) {
    RmsNorm.backward(dx, dWeight, dOut, x, weight, eps);
  }

  /** See {@link Matmul#backwardInput}: dx (T, K) from dOut (T, N) and weight (N, K). */
  default void matmulBackwardInput(Tensor dx, Tensor dOut, Tensor weight) {
    Matmul.backwardInput(dx, dOut, weight);
  }

  /** See {@link Matmul#backwardWeight}: dWeight (N, K) accumulates, of dOut (T, N) and x (T, K). */
  default void matmulBackwardWeight(Tensor dWeight, Tensor dOut, Tensor x) {
    Matmul.backwardWeight(dWeight, dOut, x);
  }

  /** See {@link AddBias#backward}: dBias (C) accumulates dOut (T, C). */
  default void addBiasBackward(Tensor dBias, Tensor dOut) {
    AddBias.backward(dBias, dOut);
  }

  /** See {@link Rope#backward}: dx (T, H * D) in place, half-split before, layout afterwards. */
  default void ropeBackward(Tensor dx, int[] positions, RopeTables tables) {
    Rope.backward(dx, positions, tables);
  }

  /** See {@link Attention#backward}: dq, dk and dv, overwritten, as large as q, k and v. */
  default void attentionBackward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      AttentionMask mask) {
    Attention.backward(dq, dk, dv, dOut, q, k, v, shape, mask);
  }

  /**
   * See {@link SwiGlu#backward}: dGate and dUp, overwritten, from dOut, gate and up, all (T, F).
   */
  default void swiGluBackward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up) {
    SwiGlu.backward(dGate, dUp, dOut, gate, up);
  }

  /**
   * See {@link MaskedCrossEntropy#backward}: losses (R) and dHidden (R, C) overwritten, dHead (V,
   * C) accumulates if it is wanted, from hidden (R, C), head (V, C), targets, weights.
   */
  default void maskedCrossEntropyBackward(
      double[] losses,
      Tensor dHidden,
      Tensor dHead,
      Tensor hidden,
      Tensor head,
      int[] targets,
      double[] weights) {
    MaskedCrossEntropy.backward(losses, dHidden, dHead, hidden, head, targets, weights);
  }

  /** See {@link AdamW#update}: w, m and v change, all four (n). */
  default void adamW(Tensor w, Tensor g, Tensor m, Tensor v, AdamW.Step step) {
    AdamW.update(w, g, m, v, step);
  }

  /** See {@link AdamW#sumOfSquares}: of all numbers of all tensors. */
  default double sumOfSquares(List<Tensor> tensors) {
    return AdamW.sumOfSquares(tensors);
  }

  /** See {@link AdamW#average}: average = average + share (value - average), both (n). */
  default void average(Tensor average, Tensor value, float share) {
    AdamW.average(average, value, share);
  }
}
