package llada.model;

import java.lang.foreign.Arena;
import llada.kernel.scalar.Rope;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * All buffers of a forward pass, allocated once and shared by the blocks, and the rotary tables. T
 * is the number of rows in use, B * T tokens of a batch.
 */
final class Activations {
  private final Tensor x;
  private final Tensor normed;
  private final Tensor q;
  private final Tensor k;
  private final Tensor v;
  private final Tensor context;
  private final Tensor gate;
  private final Tensor up;
  private final Tensor delta;

  /** Cosines and sines of the rotary embedding, (max_sequence_length, D/2). */
  final Tensor cos;

  final Tensor sin;

  Activations(LladaConfig config, int maxTokens, int maxLength, Arena arena) {
    int c = config.dModel();
    x = Tensor.allocate(arena, DType.F32, maxTokens, c);
    normed = Tensor.allocate(arena, DType.F32, maxTokens, c);
    q = Tensor.allocate(arena, DType.F32, maxTokens, c);
    k = Tensor.allocate(arena, DType.F32, maxTokens, config.kvChannels());
    v = Tensor.allocate(arena, DType.F32, maxTokens, config.kvChannels());
    context = Tensor.allocate(arena, DType.F32, maxTokens, c);
    gate = Tensor.allocate(arena, DType.F32, maxTokens, config.mlpHiddenSize());
    up = Tensor.allocate(arena, DType.F32, maxTokens, config.mlpHiddenSize());
    delta = Tensor.allocate(arena, DType.F32, maxTokens, c);
    cos = Tensor.allocate(arena, DType.F32, maxLength, config.headDim() / 2);
    sin = Tensor.allocate(arena, DType.F32, maxLength, config.headDim() / 2);
    Rope.fillTables(cos, sin, config.ropeTheta());
  }

  /** Views of the first {@code rows} rows of every buffer. */
  View view(int rows) {
    return new View(
        x.rows(rows),
        normed.rows(rows),
        q.rows(rows),
        k.rows(rows),
        v.rows(rows),
        context.rows(rows),
        gate.rows(rows),
        up.rows(rows),
        delta.rows(rows));
  }

  /**
   * The buffers of one forward pass.
   *
   * @param x (T, C) the residual stream
   * @param normed (T, C) what a sublayer reads
   * @param q (T, C)
   * @param k (T, Ckv)
   * @param v (T, Ckv)
   * @param context (T, C) attention before its output projection
   * @param gate (T, F)
   * @param up (T, F)
   * @param delta (T, C) what a sublayer adds to the stream
   */
  record View(
      Tensor x,
      Tensor normed,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor context,
      Tensor gate,
      Tensor up,
      Tensor delta) {}
}
