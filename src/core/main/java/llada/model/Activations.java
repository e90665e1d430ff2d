package llada.model;

import java.lang.foreign.Arena;
import llada.kernel.scalar.Rope;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * The buffers of a block. In inference all blocks share one set and the stream is updated in place;
 * in training each block has its own, as far as its backward pass reads them.
 *
 * @param x (T, C) the residual stream as the block finds it
 * @param mid (T, C) the stream between attention and feed-forward; may be {@code x}
 * @param out (T, C) the stream that the block leaves; may be {@code mid}
 * @param normed (T, C) what a sublayer reads
 * @param q (T, C)
 * @param k (T, Ckv)
 * @param v (T, Ckv)
 * @param context (T, C) attention before its output projection
 * @param gate (T, F)
 * @param up (T, F)
 * @param act (T, F) silu(gate) * up; may be {@code gate}
 * @param delta (T, C) what a sublayer adds to the stream
 */
record Activations(
    Tensor x,
    Tensor mid,
    Tensor out,
    Tensor normed,
    Tensor q,
    Tensor k,
    Tensor v,
    Tensor context,
    Tensor gate,
    Tensor up,
    Tensor act,
    Tensor delta) {

  /** One set for all blocks, with the stream in place: nothing is kept. */
  static Activations inPlace(LladaConfig config, int maxTokens, Arena arena) {
    Tensor x = channels(config, maxTokens, arena);
    return of(config, maxTokens, arena, x, x, x, false);
  }

  /** A set between these two streams, with all that a backward pass reads. */
  static Activations kept(LladaConfig config, int maxTokens, Arena arena, Tensor x, Tensor out) {
    return of(config, maxTokens, arena, x, channels(config, maxTokens, arena), out, true);
  }

  private static Activations of(
      LladaConfig config, int t, Arena arena, Tensor x, Tensor mid, Tensor out, boolean keep) {
    Tensor gate = Tensor.allocate(arena, DType.F32, t, config.mlpHiddenSize());
    return new Activations(
        x,
        mid,
        out,
        channels(config, t, arena),
        channels(config, t, arena),
        Tensor.allocate(arena, DType.F32, t, config.kvChannels()),
        Tensor.allocate(arena, DType.F32, t, config.kvChannels()),
        channels(config, t, arena),
        gate,
        Tensor.allocate(arena, DType.F32, t, config.mlpHiddenSize()),
        keep ? Tensor.allocate(arena, DType.F32, t, config.mlpHiddenSize()) : gate,
        channels(config, t, arena));
  }

  /** A buffer (T, C). */
  static Tensor channels(LladaConfig config, int t, Arena arena) {
    return Tensor.allocate(arena, DType.F32, t, config.dModel());
  }

  /**
   * Another block's set, which shares what the backward pass computes again rather than keep:
   * {@code normed}, {@code act} and {@code delta}.
   */
  Activations next(LladaConfig config, Arena arena, Tensor nextOut) {
    int t = x.dim(0);
    return new Activations(
        out,
        channels(config, t, arena),
        nextOut,
        normed,
        channels(config, t, arena),
        Tensor.allocate(arena, DType.F32, t, config.kvChannels()),
        Tensor.allocate(arena, DType.F32, t, config.kvChannels()),
        channels(config, t, arena),
        Tensor.allocate(arena, DType.F32, t, config.mlpHiddenSize()),
        Tensor.allocate(arena, DType.F32, t, config.mlpHiddenSize()),
        act,
        delta);
  }

  /** The same buffers between other streams. */
  Activations between(Tensor from, Tensor to) {
    return new Activations(from, mid, to, normed, q, k, v, context, gate, up, act, delta);
  }

  /** Views of the first {@code t} rows of every buffer. */
  Activations rows(int t) {
    return rows(0, t);
  }

  /** Views of {@code t} rows of every buffer from row {@code first}. */
  Activations rows(int first, int t) {
    return new Activations(
        x.rows(first, t),
        mid.rows(first, t),
        out.rows(first, t),
        normed.rows(first, t),
        q.rows(first, t),
        k.rows(first, t),
        v.rows(first, t),
        context.rows(first, t),
        gate.rows(first, t),
        up.rows(first, t),
        act.rows(first, t),
        delta.rows(first, t));
  }

  /**
   * Cosines and sines of the rotary embedding.
   *
   * @param cos (max_sequence_length, D/2)
   * @param sin (max_sequence_length, D/2)
   */
  record Rotation(Tensor cos, Tensor sin) {
    static Rotation of(LladaConfig config, int maxTokens, Arena arena) {
      int maxLength = Math.min(maxTokens, config.maxSequenceLength());
      Tensor cos = Tensor.allocate(arena, DType.F32, maxLength, config.headDim() / 2);
      Tensor sin = Tensor.allocate(arena, DType.F32, maxLength, config.headDim() / 2);
      Rope.fillTables(cos, sin, config.ropeTheta());
      return new Rotation(cos, sin);
    }

    /** For queries and keys that come in this order. */
    RopeTables tables(RopeLayout layout) {
      return RopeTables.whole(cos, sin, layout);
    }
  }
}
