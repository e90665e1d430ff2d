package llada.model;

import llada.kernel.Kernels;
import llada.tensor.Tensor;

/**
 * p(x0 | xt) as a sampler asks for it. {@link MaskPredictor} is the one; others count what they
 * pass on to it, or stand in for it.
 */
public interface Predictor {
  /** Shape and special tokens. */
  LladaConfig config();

  /** What it computes with; for what is done to its logits. */
  Kernels kernels();

  /**
   * Logits of the rows asked for, from a pass over all positions.
   *
   * @param batch B sequences of T tokens
   * @param rows which of the B * T rows, sequence after sequence; the vocabulary is wide, so asking
   *     only for masked positions saves a large part of the work
   * @return (rows, embedding_size); valid until the next call
   * @throws IllegalArgumentException if the batch is too large, too long, or has an id out of range
   */
  Tensor forward(TokenBatch batch, int[] rows);

  /**
   * Logits of the rows asked for, from a pass over some positions; keys and values of the others
   * are as the cache has them from the last pass that computed them.
   *
   * @param rows as above; each must be among those that are computed
   * @throws IllegalArgumentException also if a row is not computed
   */
  Tensor forward(TokenBatch batch, PartialPass pass, int[] rows);

  /** Logits of one portion, by one of the above. */
  default Tensor forward(Portion portion) {
    return portion
        .partial()
        .map(partial -> forward(portion.batch(), partial, portion.rows()))
        .orElseGet(() -> forward(portion.batch(), portion.rows()));
  }
}
