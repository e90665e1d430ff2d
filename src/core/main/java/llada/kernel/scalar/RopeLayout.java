package llada.kernel.scalar;

/**
 * Which two channels of a head a rotary embedding turns together. Rows of the query and key weights
 * stand in this order, and so do the queries and keys that come out of them.
 */
public enum RopeLayout {
  /** Channel i with i + D/2: the Hugging Face weights. */
  HALF_SPLIT {
    @Override
    public int first(int pair, int half) {
      return pair;
    }

    @Override
    public int second(int pair, int half) {
      return pair + half;
    }
  },
  /** Neighbours 2i and 2i + 1: the GGUF architecture {@code llada}. */
  INTERLEAVED {
    @Override
    public int first(int pair, int half) {
      return 2 * pair;
    }

    @Override
    public int second(int pair, int half) {
      return 2 * pair + 1;
    }
  };

  /**
   * Where the first channel of a pair stands in its head.
   *
   * @param pair from 0 to D/2 - 1
   * @param half D/2
   */
  public abstract int first(int pair, int half);

  /** Where the second one stands. */
  public abstract int second(int pair, int half);
}
