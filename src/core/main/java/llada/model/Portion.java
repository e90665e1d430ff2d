package llada.model;

import java.util.Optional;

/**
 * What one generation asks of a forward pass. Several portions of different lengths share a pass
 * over the weights, each with positions, padding and cache of its own; what a portion gets does not
 * depend on the others.
 *
 * @param batch B sequences of T tokens
 * @param partial which positions are computed, and the cache for the rest; empty for all positions
 * @param rows of the B * T, those whose logits are wanted
 */
public record Portion(TokenBatch batch, Optional<PartialPass> partial, int[] rows) {
  /** All positions, without a cache. */
  public Portion(TokenBatch batch, int[] rows) {
    this(batch, Optional.empty(), rows);
  }

  /** Rows that go through every layer's products. */
  public int computed() {
    return partial.map(PartialPass::size).orElse(batch.size() * batch.length());
  }

  /** Positions computed, on average over the layers. */
  public double positions(int layers) {
    return partial.map(p -> p.positions(layers)).orElse((double) computed());
  }

  /** Whether it may share its pass: dLLM-Cache chooses other positions in every layer. */
  public boolean shares() {
    return partial.isEmpty() || partial.get().cache().outputs() == null;
  }
}
