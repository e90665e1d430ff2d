package llada.model;

import java.lang.foreign.Arena;
import java.util.Optional;
import llada.kernel.scalar.ExpertOrder;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * The buffers of a {@link MixtureOfExperts}, for N = T k rows: each token once for each of its
 * experts, sorted by expert.
 *
 * @param logits (T, E) of the router
 * @param rows (N, C) what the experts read, and then what they give
 * @param gate (N, F)
 * @param up (N, F)
 * @param shared (T, C) what the shared expert gives
 * @param order which rows each expert has
 */
record ExpertBuffers(
    Tensor logits, Tensor rows, Tensor gate, Tensor up, Tensor shared, ExpertOrder order) {
  static Optional<ExpertBuffers> of(LladaConfig config, int t, Arena arena) {
    return config.experts().map(e -> of(e, config.dModel(), t, arena));
  }

  private static ExpertBuffers of(FeedForwardConfig.Experts e, int c, int t, Arena arena) {
    long n = (long) t * e.perToken();
    return new ExpertBuffers(
        Tensor.allocate(arena, DType.F32, t, e.count()),
        Tensor.allocate(arena, DType.F32, n, c),
        Tensor.allocate(arena, DType.F32, n, e.hidden()),
        Tensor.allocate(arena, DType.F32, n, e.hidden()),
        Tensor.allocate(arena, DType.F32, e.sharedHidden() > 0 ? t : 0, c),
        new ExpertOrder(e.count()));
  }
}
