package llada.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A made-up but valid byte-level vocabulary of any size: every text can be encoded and decoded.
 * After the 256 bytes come the pairs of a space or a small letter with a small letter, then the
 * words one letter longer, as many as fit; each has the merge that makes it. For synthetic models,
 * whose weights do not know what a token means.
 *
 * @param tokens by id, in the spelling of GGUF files
 * @param types by id: {@link GgufVocabulary#NORMAL}, {@link GgufVocabulary#CONTROL} or {@link
 *     GgufVocabulary#UNUSED}
 * @param merges "a b" for each merge, in order
 */
public record SyntheticVocabulary(List<String> tokens, int[] types, List<String> merges) {
  /** The splitting pattern of LLaDA, by the name under which other programs know it too. */
  public static final String PRE = "bailingmoe";

  private static final int BYTES = 256;

  /**
   * Makes a vocabulary.
   *
   * @param size number of ids
   * @param special control tokens by id, which ordinary tokens pass over
   * @param end ids from here on that are not special stay unused
   * @throws IllegalArgumentException if the bytes and the special tokens do not fit
   */
  public static SyntheticVocabulary of(int size, Map<Integer, String> special, int end) {
    long room = end - special.keySet().stream().filter(id -> id < end).count();
    if (room < BYTES || end > size || special.keySet().stream().anyMatch(id -> id >= size)) {
      throw new IllegalArgumentException(
          "a vocabulary of %d cannot hold 256 bytes and %d special tokens"
              .formatted(size, special.size()));
    }
    List<String> merges = new ArrayList<>();
    List<String> ordinary = ordinary((int) room, merges);
    List<String> tokens = new ArrayList<>(size);
    int[] types = new int[size];
    int next = 0;
    for (int id = 0; id < size; id++) {
      String name = special.get(id);
      if (name != null) {
        types[id] = GgufVocabulary.CONTROL;
        tokens.add(name);
      } else if (id < end) {
        types[id] = GgufVocabulary.NORMAL;
        tokens.add(ordinary.get(next++));
      } else {
        types[id] = GgufVocabulary.UNUSED;
        tokens.add("[PAD" + id + "]");
      }
    }
    return new SyntheticVocabulary(tokens, types, merges);
  }

  private static List<String> ordinary(int count, List<String> merges) {
    List<String> tokens = new ArrayList<>(count);
    for (int b = 0; b < BYTES; b++) {
      tokens.add(ByteAlphabet.symbol(b));
    }
    List<String> words = new ArrayList<>(List.of(ByteAlphabet.symbol(' ')));
    for (char c = 'a'; c <= 'z'; c++) {
      words.add(String.valueOf(c));
    }
    while (tokens.size() < count) {
      List<String> longer = new ArrayList<>();
      for (int i = 0; i < words.size() && tokens.size() < count; i++) {
        for (char c = 'a'; c <= 'z' && tokens.size() < count; c++) {
          longer.add(words.get(i) + c);
          tokens.add(words.get(i) + c);
          merges.add(words.get(i) + " " + c);
        }
      }
      words = longer;
    }
    return tokens;
  }
}
