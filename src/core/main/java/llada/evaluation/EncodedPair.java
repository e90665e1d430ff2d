package llada.evaluation;

import java.util.Arrays;
import llada.tokenizer.Tokenizer;

/**
 * A context and what follows it, in tokens, cut as the published evaluation cuts them: white space
 * at the end of the context belongs to the continuation, both are encoded as one text, and what
 * exceeds the context's own tokens is the continuation. A start of text that the model wants
 * belongs to the context.
 *
 * @param context (P), may be empty
 * @param continuation (L)
 */
public record EncodedPair(int[] context, int[] continuation) {

  /**
   * Encodes.
   *
   * @throws IllegalArgumentException if the continuation has no token
   */
  public static EncodedPair of(Tokenizer tokenizer, String context, String continuation) {
    String before = context.stripTrailing();
    String after = context.substring(before.length()) + continuation;
    int[] first = tokenizer.encodeText(before);
    int[] whole = tokenizer.encodeText(before + after);
    int[] second = Arrays.copyOfRange(whole, Math.min(first.length, whole.length), whole.length);
    if (second.length == 0) {
      second = tokenizer.encode(after); // merged into the last token of the context
    }
    if (second.length == 0) {
      throw new IllegalArgumentException("the continuation is empty, so it has no likelihood");
    }
    return new EncodedPair(first, second);
  }

  /** Tokens in all. */
  public int length() {
    return context.length + continuation.length;
  }

  /** Without the first tokens of the context, so that at most {@code most} tokens are left. */
  public EncodedPair lastTokens(int most) {
    int excess = Math.min(Math.max(0, length() - most), context.length);
    return new EncodedPair(Arrays.copyOfRange(context, excess, context.length), continuation);
  }
}
