package llada.tokenizer;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Cuts normalised text into the pieces inside which byte pairs are merged. The last step of
 * tokenizer.json's list is always ByteLevel; its spelling of bytes is left to {@link Tokenizer}, so
 * that pieces stay readable.
 *
 * @param splits the splits before ByteLevel, in order; each cuts the pieces of the one before
 * @param addPrefixSpace whether each piece that reaches ByteLevel without a space in front gets one
 * @param byteLevelSplit ByteLevel's own split, or null if it has none
 */
public record PreTokenizer(List<Split> splits, boolean addPrefixSpace, Split byteLevelSplit) {
  /** The pattern of GPT-2, which ByteLevel applies when use_regex is true. */
  public static final String GPT2_PATTERN =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  /** The pattern of LLaDA's tokenizer: words, single digits, runs of signs, white space. */
  public static final String LLADA_PATTERN =
      "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*"
          + "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

  /** Hands each piece of the text to {@code use}, in order. */
  void pieces(String text, Budget budget, Consumer<String> use) {
    IntArrayList pieces = IntArrayList.of(0, text.length());
    for (Split split : splits) {
      IntArrayList finer = new IntArrayList();
      for (int i = 0; i < pieces.size(); i += 2) {
        split.pieces(text, pieces.getInt(i), pieces.getInt(i + 1), budget, finer);
      }
      pieces = finer;
    }
    for (int i = 0; i < pieces.size(); i += 2) {
      String piece = text.substring(pieces.getInt(i), pieces.getInt(i + 1));
      byteLevel(piece, budget, use);
    }
  }

  private void byteLevel(String piece, Budget budget, Consumer<String> use) {
    if (piece.isEmpty()) {
      return;
    }
    String text = addPrefixSpace && !piece.startsWith(" ") ? " " + piece : piece;
    if (byteLevelSplit == null) {
      use.accept(text);
      return;
    }
    IntArrayList pieces = new IntArrayList();
    byteLevelSplit.pieces(text, 0, text.length(), budget, pieces);
    for (int i = 0; i < pieces.size(); i += 2) {
      use.accept(text.substring(pieces.getInt(i), pieces.getInt(i + 1)));
    }
  }
}
