package llada.model;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import llada.kernel.Kernels;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.RopeTables;

/**
 * What is the same for all blocks of a forward pass.
 *
 * @param positions (T) of each row, for the rotary embedding
 * @param rope tables, and the order in which q_proj and k_proj give the channels of a head
 * @param mask what each of the rows sees
 * @param batch B, the number of sequences among the rows
 * @param cached where keys and values of positions that are not computed come from; null when all
 *     are computed and none are kept
 * @param room for low-rank terms; empty where there are none
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
    Optional<LowRank.Room> room,
    List<Share> shares) {

  /** A pass of its own for attention, which has {@code count} rows from row {@code first}. */
  record Share(int first, int count, Pass pass) {}

  /** The pass of a batch. */
  static Pass of(
      LladaConfig config,
      Kernels kernels,
      RopeTables rope,
      TokenBatch batch,
      Probe probe,
      Optional<LowRank.Room> room) {
    AttentionMask mask = mask(config, batch);
    return new Pass(
        config, kernels, batch.positions(), rope, mask, batch.size(), null, probe, room, List.of());
  }

  /** The pass over some positions of a batch. */
  static Pass partial(
      LladaConfig config,
      Kernels kernels,
      RopeTables rope,
      TokenBatch batch,
      CachedAttention cached,
      Optional<LowRank.Room> room) {
    int[] all = batch.positions();
    int[] positions = Arrays.stream(cached.rows()).map(row -> all[row]).toArray();
    AttentionMask mask = mask(config, batch).queries(cached.rows());
    return new Pass(
        config, kernels, positions, rope, mask, batch.size(), cached, Probe.NONE, room, List.of());
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
        any.room,
        List.copyOf(shares));
  }

  private static AttentionMask mask(LladaConfig config, TokenBatch batch) {
    AttentionConfig attention = config.attention();
    AttentionConfig seen = batch.sight().map(s -> attention.withBlock(s.block())).orElse(attention);
    AttentionMask mask = seen.mask(batch.flatVisible(), batch.size(), batch.length());
    return batch.sight().filter(Sight::added).isPresent() ? mask.asBias() : mask;
  }

  AttentionShape shape() {
    return new AttentionShape(batch, config.nHeads(), config.nKvHeads());
  }

  float eps() {
    return (float) config.rmsNormEps();
  }
}
