package llada.diffusion;

import java.util.Arrays;
import llada.kernel.Kernels;
import llada.model.ActivationCache;
import llada.model.LladaConfig;
import llada.tensor.DType;

/**
 * Keys and values of what one generation has read and written, for the next one that begins alike:
 * the turns of a conversation. Of a model whose tokens see nothing behind them, or behind their
 * block, these stay what they are, so the next answer is the same with them as without.
 *
 * <p>It takes {@link ActivationCache#bytesPerToken} for each token of the longest prompt and
 * answer, until it is closed. One generation at a time uses it.
 */
public final class KeptPrefix implements AutoCloseable {
  private ActivationCache cache; // null before the first generation
  private DType type;
  private int block;
  private int[] tokens = {};

  /**
   * Makes room for a generation.
   *
   * @param keep how keys and values are kept
   * @param length tokens of a block, on which keys and values depend
   * @param prompt of it
   * @param room tokens of prompt and answer
   * @return how many tokens of the prompt are known, from the first
   */
  int open(LladaConfig config, Kernels kernels, DType keep, int length, int[] prompt, int room) {
    if (cache != null && (type != keep || block != length)) {
      close();
    }
    int same = Arrays.mismatch(tokens, prompt);
    int known = same < 0 ? prompt.length : same;
    if (cache == null || cache.tokens() < room) {
      ActivationCache larger = new ActivationCache(config, keep, room, false);
      if (cache != null) {
        larger.copy(cache, known, kernels);
        cache.close();
      }
      cache = larger;
    }
    type = keep;
    block = length;
    tokens = Arrays.copyOf(prompt, known); // what is behind will be overwritten
    return known;
  }

  ActivationCache cache() {
    return cache;
  }

  /** The cache has exact keys and values of the first {@code count} of these tokens. */
  void keep(int[] x, int count) {
    if (cache != null) { // else it was closed meanwhile
      tokens = Arrays.copyOf(x, count);
    }
  }

  /** Frees the memory; another generation makes room again. */
  @Override
  public void close() {
    if (cache != null) {
      cache.close();
    }
    cache = null;
    tokens = new int[0];
  }
}
