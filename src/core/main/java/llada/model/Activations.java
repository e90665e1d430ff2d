package llada.model;

import java.lang.foreign.Arena;
import java.util.Optional;
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
 * @param q (T, H D)
 * @param k (T, Ckv)
 * @param v (T, Ckv)
 * @param context (T, H D) attention before its output projection
 * @param gate (T, F) of a dense layer, or of the expert that all share
 * @param up (T, F)
 * @param act (T, F) silu(gate) * up; may be {@code gate}
 * @param delta (T, C) what a sublayer adds to the stream
 * @param experts what layers with experts need besides; none where the model has none
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
    Tensor delta,
    Optional<ExpertBuffers> experts) {

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
    Tensor gate = hidden(config, t, arena);
    return new Activations(
        x,
        mid,
        out,
        channels(config, t, arena),
        queries(config, t, arena),
        keys(config, t, arena),
        keys(config, t, arena),
        queries(config, t, arena),
        gate,
        hidden(config, t, arena),
        keep ? hidden(config, t, arena) : gate,
        channels(config, t, arena),
        ExpertBuffers.of(config, t, arena));
  }

  /** A buffer (T, H D). */
  static Tensor queries(LladaConfig config, int t, Arena arena) {
    return Tensor.allocate(arena, DType.F32, t, config.attention().channels());
  }

  /** A buffer (T, Ckv). */
  static Tensor keys(LladaConfig config, int t, Arena arena) {
    return Tensor.allocate(arena, DType.F32, t, config.kvChannels());
  }

  /** A buffer (T, F), for the widest of the layers and of the shared experts. */
  static Tensor hidden(LladaConfig config, int t, Arena arena) {
    int widest =
        config.feedForwards().stream()
            .mapToInt(
                f ->
                    switch (f) {
                      case FeedForwardConfig.Dense(int hidden) -> hidden;
                      case FeedForwardConfig.Experts e -> e.sharedHidden();
                    })
            .max()
            .orElse(0);
    return Tensor.allocate(arena, DType.F32, t, widest);
  }

  /** The buffer for a layer whose feed-forward is narrower than the widest. */
  static Tensor narrowed(Tensor buffer, Tensor weight) {
    long f = weight.shape().dim(0);
    return buffer.shape().dim(1) == f ? buffer : buffer.slice(0, buffer.shape().dim(0), f);
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
        queries(config, t, arena),
        keys(config, t, arena),
        keys(config, t, arena),
        queries(config, t, arena),
        hidden(config, t, arena),
        hidden(config, t, arena),
        act,
        delta,
        experts);
  }

  /** The same buffers between other streams. */
  Activations between(Tensor from, Tensor to) {
    return new Activations(from, mid, to, normed, q, k, v, context, gate, up, act, delta, experts);
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
        delta.rows(first, t),
        experts);
  }

  /**
   * Tables of the rotary embedding for all positions of a pass.
   *
   * @param layout the order in which q_proj and k_proj give the channels of a head
   */
  static RopeTables rotation(LladaConfig config, RopeLayout layout, int maxTokens, Arena arena) {
    AttentionConfig attention = config.attention();
    int length = Math.min(maxTokens, config.maxSequenceLength());
    Tensor cos = Tensor.allocate(arena, DType.F32, length, attention.rotaryDims() / 2);
    Tensor sin = Tensor.allocate(arena, DType.F32, length, attention.rotaryDims() / 2);
    Rope.fillTables(cos, sin, attention.frequencies());
    return new RopeTables(cos, sin, attention.headDim(), layout);
  }
}
