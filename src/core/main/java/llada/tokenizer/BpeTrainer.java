package llada.tokenizer;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.ints.IntOpenHashSet;
import it.unimi.dsi.fastutil.longs.Long2LongOpenHashMap;
import it.unimi.dsi.fastutil.longs.Long2ObjectOpenHashMap;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Learns the merges of a byte-level BPE (Sennrich et al. 2016): starts from bytes and joins, again
 * and again, the pair of neighbours that is most frequent in the text. Of equally frequent pairs
 * the one with the smaller ids is joined, so the same text gives the same vocabulary, in whatever
 * order its documents come.
 *
 * <p>Counts are kept per distinct piece of text, and a merge visits only the pieces that hold its
 * pair. The queue may hold outdated counts; they are corrected when they come up.
 */
public final class BpeTrainer {
  private static final int BYTES = 256;

  private final TextNormalizer normalizer;
  private final PreTokenizer preTokenizer;
  private final Map<String, long[]> pieces = new HashMap<>();

  /** A trainer that cuts text as LLaDA's tokenizer does. */
  public BpeTrainer() {
    this(
        new TextNormalizer.Unicode(java.text.Normalizer.Form.NFC),
        new PreTokenizer(
            List.of(
                new Split(
                    SplitPattern.regex(PreTokenizer.LLADA_PATTERN),
                    Split.Behavior.ISOLATED,
                    false)),
            false,
            null));
  }

  private BpeTrainer(TextNormalizer normalizer, PreTokenizer preTokenizer) {
    this.normalizer = normalizer;
    this.preTokenizer = preTokenizer;
  }

  /**
   * What was learnt.
   *
   * @param tokens by id, in the vocabulary's spelling: the 256 bytes, then the merged ones
   * @param merges "left right", in order
   */
  public record Result(List<String> tokens, List<String> merges) {
    public Result {
      tokens = List.copyOf(tokens);
      merges = List.copyOf(merges);
    }
  }

  /** Counts the pieces of a text. */
  public void add(String text) {
    String whole = Utf8.wellFormed(text);
    Budget budget = new Budget(whole.length());
    preTokenizer.pieces(
        normalizer.apply(whole, budget),
        budget,
        piece -> pieces.computeIfAbsent(piece, _ -> new long[1])[0]++);
  }

  /** Whether no text was added. */
  public boolean isEmpty() {
    return pieces.isEmpty();
  }

  /**
   * Learns a vocabulary of at most {@code size} tokens; fewer if no pair is left that occurs often
   * enough.
   *
   * @param size at least 256
   * @param minFrequency a pair is joined only if it occurs this often
   * @throws IllegalArgumentException if the size is too small for the bytes
   */
  public Result train(int size, int minFrequency) {
    if (size < BYTES) {
      throw new IllegalArgumentException(
          "a byte-level vocabulary has at least 256 tokens, not " + size);
    }
    return new Run(minFrequency).learn(size);
  }

  /** A pair and how often it occurred when it was put into the queue. */
  private record Candidate(long pair, long count) implements Comparable<Candidate> {
    @Override
    public int compareTo(Candidate other) {
      return count != other.count
          ? Long.compare(other.count, count)
          : Long.compare(pair, other.pair);
    }
  }

  /** One training: words as lists of ids, and where each pair occurs. */
  private final class Run {
    private final long minFrequency;
    private final List<String> tokens = new ArrayList<>();
    private final List<String> merges = new ArrayList<>();
    private final List<IntArrayList> words = new ArrayList<>();
    private final List<Long> counts = new ArrayList<>();
    private final Long2LongOpenHashMap pairCounts = new Long2LongOpenHashMap();
    private final Long2ObjectOpenHashMap<IntOpenHashSet> where = new Long2ObjectOpenHashMap<>();
    private final PriorityQueue<Candidate> queue = new PriorityQueue<>();

    Run(long minFrequency) {
      this.minFrequency = minFrequency;
      for (int b = 0; b < BYTES; b++) {
        tokens.add(ByteAlphabet.symbol(b));
      }
      pieces.forEach(
          (piece, count) -> {
            IntArrayList word = new IntArrayList();
            for (byte b : piece.getBytes(StandardCharsets.UTF_8)) {
              word.add(b & 0xff);
            }
            words.add(word);
            counts.add(count[0]);
            add(words.size() - 1, 1);
          });
      pairCounts.long2LongEntrySet().forEach(e -> offer(e.getLongKey(), e.getLongValue()));
    }

    Result learn(int size) {
      Map<String, Integer> ids = new HashMap<>();
      for (int id = 0; id < tokens.size(); id++) {
        ids.put(tokens.get(id), id);
      }
      while (tokens.size() < size && !queue.isEmpty()) {
        Candidate best = queue.poll();
        long count = pairCounts.get(best.pair());
        if (count != best.count()) {
          offer(best.pair(), count);
          continue;
        }
        int left = (int) (best.pair() >>> 32);
        int right = (int) best.pair();
        String joined = tokens.get(left) + tokens.get(right);
        merges.add(tokens.get(left) + " " + tokens.get(right));
        Integer known = ids.get(joined); // two ways to spell one token
        int id = known == null ? tokens.size() : known;
        if (known == null) {
          tokens.add(joined);
          ids.put(joined, id);
        }
        join(best.pair(), left, right, id);
      }
      return new Result(tokens, merges);
    }

    private void join(long pair, int left, int right, int id) {
      LongSetOfPairs changed = new LongSetOfPairs();
      for (int word : where.get(pair).toIntArray()) {
        changed.addAll(words.get(word));
        add(word, -1);
        IntArrayList old = words.get(word);
        IntArrayList merged = new IntArrayList(old.size());
        for (int i = 0; i < old.size(); i++) {
          boolean here = i + 1 < old.size() && old.getInt(i) == left && old.getInt(i + 1) == right;
          merged.add(here ? id : old.getInt(i));
          i += here ? 1 : 0;
        }
        words.set(word, merged);
        add(word, 1);
        changed.addAll(merged);
      }
      for (long key : changed.keys()) {
        offer(key, pairCounts.get(key));
      }
      where.remove(pair);
      pairCounts.remove(pair);
    }

    /** Counts the pairs of a word in or out. */
    private void add(int word, int sign) {
      IntArrayList ids = words.get(word);
      long count = sign * counts.get(word);
      for (int i = 0; i + 1 < ids.size(); i++) {
        long key = pair(ids.getInt(i), ids.getInt(i + 1));
        pairCounts.addTo(key, count);
        if (sign > 0) {
          where.computeIfAbsent(key, _ -> new IntOpenHashSet()).add(word);
        } else {
          IntOpenHashSet at = where.get(key);
          if (at != null) {
            at.remove(word);
          }
        }
      }
    }

    private void offer(long key, long count) {
      if (count >= minFrequency && count > 0) {
        queue.add(new Candidate(key, count));
      }
    }
  }

  /** The distinct pairs of some words. */
  private static final class LongSetOfPairs {
    private final it.unimi.dsi.fastutil.longs.LongOpenHashSet keys =
        new it.unimi.dsi.fastutil.longs.LongOpenHashSet();

    void addAll(IntArrayList ids) {
      for (int i = 0; i + 1 < ids.size(); i++) {
        keys.add(pair(ids.getInt(i), ids.getInt(i + 1)));
      }
    }

    long[] keys() {
      return keys.toLongArray();
    }
  }

  private static long pair(int left, int right) {
    return (long) left << 32 | right;
  }
}
