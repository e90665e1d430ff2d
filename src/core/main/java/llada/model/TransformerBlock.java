package llada.model;

import java.util.Arrays;
import java.util.List;
import llada.kernel.Kernels;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;

/** One of L equal layers: {@link SelfAttention}, then {@link FeedForward}. */
final class TransformerBlock {
  private TransformerBlock() {}

  /**
   * What is the same for all blocks of a forward pass.
   *
   * @param positions (T) of each row, for the rotary embedding
   * @param rope tables, and the order in which q_proj and k_proj give the channels of a head
   * @param mask what each of the rows sees
   * @param batch B, the number of sequences among the rows
   * @param cached where keys and values of positions that are not computed come from; null when all
   *     are computed and none are kept
   * @param shares the passes that attend by themselves, where several share this one; else empty
   */
  record Pass(
      LladaConfig config,
      Kernels kernels,
      int[] positions,
      RopeTables rope,
      AttentionMask mask,
      int batch,
      CachedAttention cached,
      Probe probe,
      List<Share> shares) {

    /** A pass of its own for attention, which has {@code count} rows from row {@code first}. */
    record Share(int first, int count, Pass pass) {}

    /** The pass of a batch. */
    static Pass of(
        LladaConfig config,
        Kernels kernels,
        Activations.Rotation rotation,
        RopeLayout ropeLayout,
        TokenBatch batch,
        boolean causal,
        Probe probe) {
      return new Pass(
          config,
          kernels,
          batch.positions(),
          rotation.tables(ropeLayout),
          causal
              ? AttentionMask.causal(batch.flatVisible(), batch.size(), batch.length())
              : AttentionMask.padded(batch.flatVisible()),
          batch.size(),
          null,
          probe,
          List.of());
    }

    /** The pass over some positions of a batch. */
    static Pass partial(
        LladaConfig config,
        Kernels kernels,
        Activations.Rotation rotation,
        RopeLayout ropeLayout,
        TokenBatch batch,
        CachedAttention cached,
        Probe probe) {
      int[] all = batch.positions();
      int[] positions = Arrays.stream(cached.rows()).map(row -> all[row]).toArray();
      return new Pass(
          config,
          kernels,
          positions,
          rotation.tables(ropeLayout),
          AttentionMask.padded(batch.flatVisible()),
          batch.size(),
          cached,
          probe,
          List.of());
    }

    /** One pass for several, which need not be of one length. */
    static Pass shared(List<Share> shares) {
      Pass any = shares.getFirst().pass();
      int[] positions =
          shares.stream().flatMapToInt(s -> Arrays.stream(s.pass().positions())).toArray();
      return new Pass(
          any.config,
          any.kernels,
          positions,
          any.rope,
          AttentionMask.FULL,
          shares.size(),
          null,
          Probe.NONE,
          List.copyOf(shares));
    }

    AttentionShape shape() {
      return new AttentionShape(batch, config.nHeads(), config.nKvHeads());
    }

    float eps() {
      return (float) config.rmsNormEps();
    }
  }

  /** Reads the stream {@code a.x()} and leaves it in {@code a.out()}. */
  static void forward(Activations a, BlockWeights w, Pass pass, int layer) {
    ActivationCache.Outputs kept = pass.cached() == null ? null : pass.cached().cache().outputs();
    SelfAttention.forward(a, w, pass, layer);
    if (kept != null) {
      pass.kernels().storeCacheRows(kept.attention()[layer], pass.cached().rows(), a.delta());
    }
    FeedForward.forward(a, w, pass, layer);
    if (kept != null) {
      pass.kernels().storeCacheRows(kept.feedForward()[layer], pass.cached().rows(), a.delta());
    }
    pass.probe().see(layer, "out", a.out());
  }

  /**
   * From the gradient of {@code a.out()} to that of {@code a.x()}, in {@code d.dx()}.
   *
   * @param a as {@link #forward} left it, with streams of their own
   * @param dw the weights' gradients, which accumulate
   */
  static void backward(
      ActivationGradients d, Activations a, BlockWeights dw, BlockWeights w, Pass pass) {
    FeedForward.backward(d, a, dw, w, pass);
    SelfAttention.backward(d, a, dw, w, pass);
  }
}
