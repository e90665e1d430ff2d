package llada.converter;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import llada.checkpoint.Checkpoint;
import llada.format.FormatException;
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
  private static final long MAX_BYTES = 64L << 20;

  /**
   * The tokens of a text file.
   *
   * @throws FormatException if it cannot be read, is larger than 64 MiB or shorter than one piece
   */
  static int[] read(Path corpus, Checkpoint model, int length) {
    try {
      if (Files.isRegularFile(corpus) && Files.size(corpus) > MAX_BYTES) {
        throw new FormatException(
            "%s: has %d bytes; at most %d are read: cut a part out"
                .formatted(corpus, Files.size(corpus), MAX_BYTES));
      }
      String text = new String(Files.readAllBytes(corpus), StandardCharsets.UTF_8);
      int[] tokens = model.tokenizer().encodeOrdinary(text);
      if (tokens.length < length) {
        throw new FormatException(
            "%s: has %d tokens, fewer than one piece of %d; give a longer text or a smaller --length"
                .formatted(corpus, tokens.length, length));
      }
      return tokens;
    } catch (IOException e) {
      throw new FormatException(corpus + ": cannot be read: " + e.getMessage(), e);
    }
  }

  /** Piece {@code index} of the tokens, masked at random; the same seed gives the same masks. */
  static MaskedText of(int[] tokens, int index, int length, long seed) {
    SplittableRandom random = new SplittableRandom(new SplittableRandom(seed + index).nextLong());
    int[] piece = Arrays.copyOfRange(tokens, index * length, (index + 1) * length);
    int[] positions = new int[length];
    int count = 1 + random.nextInt(length);
    for (int i = 0; i < length; i++) { // a shuffle, built up
      int other = random.nextInt(i + 1);
      positions[i] = positions[other];
      positions[other] = i;
    }
    int[] masked = Arrays.copyOf(positions, count);
    Arrays.sort(masked);
    return new MaskedText(piece, masked);
  }

  /** What the model gets to see. */
  TokenBatch batch(int mask) {
    int[] seen = tokens.clone();
    for (int position : masked) {
      seen[position] = mask;
    }
    return TokenBatch.of(seen);
  }

  /** The tokens that were masked (l). */
  int[] targets() {
    return Arrays.stream(masked).map(position -> tokens[position]).toArray();
  }
}
