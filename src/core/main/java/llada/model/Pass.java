package llada.model;

import java.util.Arrays;
import java.util.List;
import llada.kernel.Kernels;
import llada.kernel.scalar.RopeLayout;
import llada.tensor.Tensor;

/**
 * What is the same for all blocks of a forward pass.
 *
 * @param positions (T) of each row, for the rotary embedding
 * @param cos (P, D/2)
 * @param sin (P, D/2)
 * @param ropeLayout the order in which q_proj and k_proj give the channels of a head
 * @param visible (T) padding mask, or null
 * @param batch B, the number of sequences among the rows
 * @param causal whether a token sees only those before it
 * @param cached where keys and values of positions that are not computed come from; null when all
 *     are computed and none are kept
 * @param shares the passes that attend by themselves, where several share this one; else empty
 */
record Pass(
    LladaConfig config,
    Kernels kernels,
    int[] positions,
    Tensor cos,
    Tensor sin,
    RopeLayout ropeLayout,
    boolean[] visible,
    int batch,
    boolean causal,
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
        rotation.cos(),
        rotation.sin(),
        ropeLayout,
        batch.flatVisible(),
        batch.size(),
        causal,
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
        rotation.cos(),
        rotation.sin(),
        ropeLayout,
        batch.flatVisible(),
        batch.size(),
        false,
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
        any.cos,
        any.sin,
        any.ropeLayout,
        null,
        shares.size(),
        false,
        null,
        Probe.NONE,
        List.copyOf(shares));
  }

  float eps() {
    return (float) config.rmsNormEps();
  }
}
