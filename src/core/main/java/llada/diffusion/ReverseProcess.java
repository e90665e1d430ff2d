package llada.diffusion;

import java.util.Optional;
import llada.model.Portion;
import llada.tensor.Tensor;

/**
 * One generation in the making. It is driven from outside, so that several can share a pass over
 * the weights:
 *
 * <pre>
 *   while (!process.done()) {
 *     portion = process.plan();             what the next pass computes
 *     logits  = predictor.forward(portion);
 *     process.commit(logits);               proposals, some of which are kept
 *   }
 * </pre>
 *
 * <p>Each way of decoding has its own. Not thread-safe: one thread at a time drives it.
 */
public sealed interface ReverseProcess extends AutoCloseable
    permits MaskedDiffusion, BlockDiffusion, LeftToRight {
  /** Whether all is said. */
  boolean done();

  /**
   * Chooses what the next step computes.
   *
   * @return empty where it needs no logits; then {@link #commit} follows without them
   * @throws IllegalStateException if all is done
   */
  Optional<Portion> plan();

  /**
   * Commits some of the proposals of the step that was planned.
   *
   * @param logits of the portion, row after row; null where none were asked for
   * @return the step; empty where it only looked how long the answer will be
   * @throws NonFiniteLogitsException if a logit is NaN or infinite
   */
  Optional<StepListener.Step> commit(Tensor logits);

  /** Tokens of its largest portion. */
  int room();

  /** What has come of it so far. */
  Generation generation();

  @Override
  void close();
}
