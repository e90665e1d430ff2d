package llada.model;

import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import llada.kernel.scalar.Router;

/** What the second half of a layer is like. */
public sealed interface FeedForwardConfig {
  /**
   * One SwiGLU for all tokens.
   *
   * @param hidden F
   */
  record Dense(int hidden) implements FeedForwardConfig {}

  /**
   * A mixture of experts.
   *
   * @param count E
   * @param perToken k, how many a token is sent to
   * @param hidden F of each
   * @param sharedHidden F of the expert that every token goes to beside them; 0 for none
   * @param router how they are chosen
   */
  record Experts(int count, int perToken, int hidden, int sharedHidden, Router router)
      implements FeedForwardConfig {
    /** Whether there is a bias on the scores. */
    boolean hasBias() {
      return router.bias() != Router.Bias.NONE;
    }
  }

  /**
   * Layers of which the first are dense.
   *
   * @param layers L
   * @param dense how many of them
   */
  static List<FeedForwardConfig> denseFirst(int layers, int dense, Dense first, Experts rest) {
    return Stream.concat(
            Collections.nCopies(dense, (FeedForwardConfig) first).stream(),
            Collections.nCopies(layers - dense, rest).stream())
        .toList();
  }
}
