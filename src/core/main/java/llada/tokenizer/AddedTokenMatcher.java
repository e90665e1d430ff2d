package llada.tokenizer;

import it.unimi.dsi.fastutil.longs.Long2IntOpenHashMap;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Cuts added tokens out of a text: the leftmost match, of several at one place the longest. A trie,
 * so that the cost does not grow with the number of tokens.
 */
final class AddedTokenMatcher {
  private static final int ROOT = 0;

  /** Receives the text's parts in order. */
  interface Parts {
    void text(int start, int end);

    void token(AddedToken token);
  }

  private final Long2IntOpenHashMap child = new Long2IntOpenHashMap(); // (node, character) to node
  private final List<AddedToken> tokenAt = new ArrayList<>();
  private final BitSet firstCharacters = new BitSet();

  /** A matcher for the tokens, each spelled as the normaliser leaves it. */
  AddedTokenMatcher(List<AddedToken> tokens, TextNormalizer normalizer) {
    child.defaultReturnValue(-1);
    tokenAt.add(null);
    for (AddedToken token : tokens) {
      String text = normalizer.apply(token.content());
      if (text.isEmpty()) {
        continue;
      }
      firstCharacters.set(text.charAt(0));
      int node = ROOT;
      for (int i = 0; i < text.length(); i++) {
        long key = key(node, text.charAt(i));
        int next = child.get(key);
        if (next < 0) {
          next = tokenAt.size();
          tokenAt.add(null);
          child.put(key, next);
        }
        node = next;
      }
      if (tokenAt.get(node) == null) {
        tokenAt.set(node, token);
      }
    }
  }

  private static long key(int node, char c) {
    return (long) node << 16 | c;
  }

  /** Whether there is nothing to look for. */
  boolean isEmpty() {
    return firstCharacters.isEmpty();
  }

  /** Hands over the parts of the text. Empty parts are left out. */
  void split(String text, Parts parts) {
    int done = 0;
    int at = 0;
    while (at < text.length()) {
      int end = -1;
      AddedToken token = null;
      if (firstCharacters.get(text.charAt(at))) {
        int node = ROOT;
        for (int i = at; i < text.length(); i++) {
          node = child.get(key(node, text.charAt(i)));
          if (node < 0) {
            break;
          }
          if (tokenAt.get(node) != null) {
            token = tokenAt.get(node);
            end = i + 1;
          }
        }
      }
      if (token == null) {
        at++;
        continue;
      }
      int start = at;
      at = end; // the search goes on here, even if white space beyond goes to this token
      if (token.singleWord() && (wordBefore(text, start) || wordAt(text, end))) {
        continue;
      }
      if (token.lstrip()) {
        while (start > done && isSpace(text.charAt(start - 1))) {
          start--;
        }
      }
      if (token.rstrip()) {
        while (end < text.length() && isSpace(text.charAt(end))) {
          end++;
        }
      }
      if (done < start) {
        parts.text(done, start);
      }
      parts.token(token);
      done = end;
    }
    if (done < text.length()) {
      parts.text(done, text.length());
    }
  }

  private static boolean isSpace(char c) { // no white space lies outside the first plane
    return CharSet.WHITE_SPACE.contains(c);
  }

  private static boolean wordBefore(String text, int at) {
    return at > 0 && CharSet.Words.WORD_OR_JOINER.contains(text.codePointBefore(at));
  }

  private static boolean wordAt(String text, int at) {
    return at < text.length() && CharSet.Words.WORD_OR_JOINER.contains(text.codePointAt(at));
  }

  /** The tokens of the list that are, or are not, looked for after normalisation. */
  static List<AddedToken> select(List<AddedToken> tokens, boolean normalized) {
    return tokens.stream().filter(t -> t.normalized() == normalized).toList();
  }

  /** The ids of the tokens that decoding may leave out. */
  static BitSet specialIds(List<AddedToken> tokens) {
    BitSet ids = new BitSet();
    tokens.stream().filter(AddedToken::special).mapToInt(AddedToken::id).forEach(ids::set);
    return ids;
  }
}
