package llada.tokenizer;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.longs.Long2IntMap;
import it.unimi.dsi.fastutil.longs.Long2IntOpenHashMap;
import it.unimi.dsi.fastutil.longs.LongHeapPriorityQueue;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Byte pair encoding (Sennrich et al. 2016): the bytes of a piece are its first symbols; then the
 * neighbours whose merge stands highest in the list are joined, the leftmost first, until no pair
 * of neighbours is in the list.
 *
 * <p>The candidates wait in a priority queue and the symbols form a linked list, so that a piece of
 * n bytes takes O(n log n) steps, however long one letter is repeated.
 */
public final class BytePairMerges {
  private static final int NONE = -1;

  private final Long2IntOpenHashMap rankOfPair = new Long2IntOpenHashMap();
  private final IntArrayList merged = new IntArrayList(); // by rank: the id of the joined token
  private final int[] byteId = new int[256];
  private final Vocabulary vocabulary;
  private final int unknown;
  private final boolean fuseUnknown;

  /**
   * An empty list of merges.
   *
   * @param unknownToken the token for a byte that the vocabulary lacks, or null: such bytes are
   *     then left out, as the published tokenizer does; a complete byte-level vocabulary has no
   *     such byte
   * @param fuseUnknown whether a run of unknown bytes becomes one token
   * @throws TokenizerException if the unknown token is not in the vocabulary
   */
  public BytePairMerges(Vocabulary vocabulary, String unknownToken, boolean fuseUnknown) {
    this.vocabulary = vocabulary;
    this.fuseUnknown = fuseUnknown;
    unknown = unknownToken == null ? NONE : vocabulary.id(unknownToken);
    if (unknownToken != null && unknown == NONE) {
      throw new TokenizerException(
          "the unknown token %s is not in the vocabulary"
              .formatted(TokenizerException.shown(unknownToken)));
    }
    for (int b = 0; b < 256; b++) {
      byteId[b] = vocabulary.id(ByteAlphabet.symbol(b));
    }
    rankOfPair.defaultReturnValue(NONE);
  }

  /**
   * Appends the merge of two tokens; earlier merges come first. Of a repeated pair the later
   * counts.
   *
   * @throws TokenizerException if a part or the result is not in the vocabulary
   */
  public void add(String left, String right) {
    int l = vocabulary.id(left);
    int r = vocabulary.id(right);
    int both = vocabulary.id(left + right);
    if (l == NONE || r == NONE || both == NONE) {
      String missing = l == NONE ? left : r == NONE ? right : left + right;
      throw new TokenizerException(
          "merge %d joins %s and %s, but %s is not in the vocabulary"
              .formatted(
                  merged.size(),
                  TokenizerException.shown(left),
                  TokenizerException.shown(right),
                  TokenizerException.shown(missing)));
    }
    if (left.isEmpty() || right.isEmpty()) {
      throw new TokenizerException(
          "merge %d has an empty part; both parts must be tokens".formatted(merged.size()));
    }
    rankOfPair.put(pair(l, r), merged.size());
    merged.add(both);
  }

  /**
   * Appends a merge spelled as "left right", with one space.
   *
   * @throws TokenizerException if it is spelled otherwise, or as for {@link #add}
   */
  public void addSpelled(String merge) {
    int space = merge.indexOf(' ');
    if (space < 0 || merge.indexOf(' ', space + 1) >= 0) {
      throw new TokenizerException(
          "merge %d is %s; it must be two tokens with one space between them"
              .formatted(merged.size(), TokenizerException.shown(merge)));
    }
    add(merge.substring(0, space), merge.substring(space + 1));
  }

  /**
   * All merges, each spelled as {@link #addSpelled} takes it, in order.
   *
   * @throws TokenizerException if a token holds a space, which cannot be spelled so
   */
  List<String> spelled() {
    String[] byRank = new String[merged.size()];
    for (Long2IntMap.Entry entry : rankOfPair.long2IntEntrySet()) {
      String left = vocabulary.token((int) (entry.getLongKey() >>> 32));
      String right = vocabulary.token((int) entry.getLongKey());
      if (left.indexOf(' ') >= 0 || right.indexOf(' ') >= 0) {
        throw new TokenizerException(
            "merge %d joins %s and %s; a GGUF file cannot hold a merge of tokens with a space"
                .formatted(
                    entry.getIntValue(),
                    TokenizerException.shown(left),
                    TokenizerException.shown(right)));
      }
      byRank[entry.getIntValue()] = left + " " + right;
    }
    return Arrays.stream(byRank).filter(Objects::nonNull).toList(); // repeated pairs count once
  }

  private static long pair(int left, int right) {
    return (long) left << 32 | right;
  }

  /** The ids of one piece of text, given as bytes. */
  int[] encode(byte[] bytes) {
    int[] symbol = new int[bytes.length];
    int n = 0;
    boolean afterUnknown = false;
    for (byte b : bytes) {
      int id = byteId[b & 0xff];
      if (id != NONE) {
        symbol[n++] = id;
      } else if (unknown != NONE && !(fuseUnknown && afterUnknown)) {
        symbol[n++] = unknown;
      }
      afterUnknown = id == NONE;
    }
    return merge(symbol, n);
  }

  /** Joins the first n symbols, which are overwritten. */
  private int[] merge(int[] symbol, int n) {
    int[] previous = new int[n];
    int[] next = new int[n];
    LongHeapPriorityQueue queue = new LongHeapPriorityQueue(Math.max(1, n));
    for (int i = 0; i < n; i++) {
      previous[i] = i - 1;
      next[i] = i + 1 < n ? i + 1 : NONE;
    }
    for (int i = 0; i + 1 < n; i++) {
      offer(queue, symbol, i, i + 1);
    }
    int left = n;
    while (!queue.isEmpty()) {
      long candidate = queue.dequeueLong();
      int rank = (int) (candidate >>> 32);
      int at = (int) candidate;
      int after = next[at];
      // One of the two symbols may have been joined to another neighbour since the offer.
      if (symbol[at] == NONE
          || after == NONE
          || rankOfPair.get(pair(symbol[at], symbol[after])) != rank) {
        continue;
      }
      symbol[at] = merged.getInt(rank);
      symbol[after] = NONE;
      next[at] = next[after];
      if (next[at] != NONE) {
        previous[next[at]] = at;
        offer(queue, symbol, at, next[at]);
      }
      if (previous[at] != NONE) {
        offer(queue, symbol, previous[at], at);
      }
      left--;
    }
    int[] ids = new int[left];
    for (int i = 0, at = n == 0 ? NONE : 0; at != NONE; at = next[at]) {
      ids[i++] = symbol[at];
    }
    return ids;
  }

  /** Queues a pair, if it can be joined, by rank and then by position. */
  private void offer(LongHeapPriorityQueue queue, int[] symbol, int at, int after) {
    int rank = rankOfPair.get(pair(symbol[at], symbol[after]));
    if (rank != NONE) {
      queue.enqueue((long) rank << 32 | at);
    }
  }

  /** The plain definition, quadratic: tests compare the fast method with it. */
  int[] encodeByDefinition(byte[] bytes) {
    int[] symbol = new int[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      symbol[i] = byteId[bytes[i] & 0xff];
    }
    int n = bytes.length;
    while (true) {
      int best = Integer.MAX_VALUE;
      int at = 0;
      for (int i = 0; i + 1 < n; i++) {
        int rank = rankOfPair.get(pair(symbol[i], symbol[i + 1]));
        if (rank != NONE && rank < best) {
          best = rank;
          at = i;
        }
      }
      if (best == Integer.MAX_VALUE) {
        return Arrays.copyOf(symbol, n);
      }
      symbol[at] = merged.getInt(best);
      System.arraycopy(symbol, at + 2, symbol, at + 1, n - at - 2);
      n--;
    }
  }
}
