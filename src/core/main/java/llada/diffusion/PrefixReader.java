package llada.diffusion;

import java.util.Optional;
import java.util.stream.IntStream;
import llada.model.PartialPass;
import llada.model.Portion;
import llada.model.Predictor;
import llada.model.TokenBatch;
import llada.tensor.DType;

/** What one generation reads from a {@link KeptPrefix} instead of computing it, and adds to it. */
final class PrefixReader {
  private final KeptPrefix kept; // null where all is computed in every pass
  private final boolean owned; // so that it is closed with the generation
  private int stored; // tokens whose keys and values are exact, from the first

  /** Reads nothing. */
  PrefixReader() {
    this.kept = null;
    this.owned = false;
  }

  /**
   * Reads what is known of a prompt.
   *
   * @param type how keys and values are kept
   * @param block tokens of a block, which all see each other
   * @param room tokens of prompt and answer
   * @param shared what a former generation kept; empty for nothing
   */
  PrefixReader(
      Predictor predictor,
      DType type,
      int block,
      int[] prompt,
      int room,
      Optional<KeptPrefix> shared) {
    this.owned = shared.isEmpty();
    this.kept = shared.orElseGet(KeptPrefix::new);
    int known = kept.open(predictor.config(), predictor.kernels(), type, block, prompt, room);
    this.stored = known / block * block;
  }

  /** A pass over what is not known, and over all from {@code first} on. */
  Portion portion(TokenBatch batch, int first, int[] rows) {
    if (kept == null) {
      return new Portion(batch, rows);
    }
    int[][] computed = {IntStream.range(Math.min(stored, first), batch.length()).toArray()};
    return new Portion(batch, Optional.of(new PartialPass(computed, kept.cache())), rows);
  }

  /** Says that a pass has seen the final tokens before {@code end}. */
  void saw(int end) {
    stored = end;
  }

  /** Frees the memory, or leaves what is known of these tokens to the next generation. */
  void close(int[] x) {
    if (owned) {
      kept.close();
    } else if (kept != null) {
      kept.keep(x, stored);
    }
  }
}
