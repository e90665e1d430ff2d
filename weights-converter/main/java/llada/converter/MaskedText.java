package llada.converter;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import llada.checkpoint.Checkpoint;
import llada.diffusion.MaskDraws;
import llada.format.FormatException;
import llada.format.TextLines;
import llada.model.TokenBatch;

/**
 * A piece of a text with some tokens masked, as a diffusion model sees it. Of T tokens, l are
 * masked, l uniform from 1 to T and then which uniform among all choices: the form of LLaDA's
 * likelihood estimate (Nie et al. 2025, eq. 6) with little variance.
 *
 * @param tokens the text (T)
 * @param masked which positions are masked, ascending (l)
 */
record MaskedText(int[] tokens, int[] masked) {
  private static final int MAX_BYTES = 64 << 20;

  /**
   * The tokens of a text file.
   *
   * @throws FormatException if it cannot be read, is larger than 64 MiB or shorter than one piece
   */
  static int[] read(Path corpus, Checkpoint model, int length) {
    int[] tokens = model.tokenizer().encodeOrdinary(TextLines.read(corpus, MAX_BYTES));
    if (tokens.length < length) {
      throw new FormatException(
          "%s: has %d tokens, fewer than one piece of %d; give a longer text or ask for shorter pieces"
              .formatted(corpus, tokens.length, length));
    }
    return tokens;
  }

  /** Piece {@code index} of the tokens, which are cut into pieces of one length. */
  static int[] piece(int[] tokens, int index, int length) {
    return Arrays.copyOfRange(tokens, index * length, (index + 1) * length);
  }

  /** A piece, masked at random; the same seed gives the same masks. */
  static MaskedText of(int[] tokens, int index, int length, long seed) {
    MaskDraws draws = MaskDraws.seeded(seed);
    int count = draws.first(index, length);
    int[] permutation = draws.permutation(index, 0, length);
    int[] masked = IntStream.range(0, length).filter(i -> permutation[i] < count).toArray();
    return new MaskedText(piece(tokens, index, length), masked);
  }

  /** What the model gets to see. */
  TokenBatch batch(int mask) {
    int[] seen = tokens.clone();
    for (int position : masked) {
      seen[position] = mask;
    }
    return TokenBatch.of(seen);
  }
}
