package llada.tokenizer;

/**
 * What one call may cost, however hostile the tokenizer's file: steps of pattern matching, and the
 * length to which replacements may blow up the text. Shared by all that works on the same text.
 */
final class Budget {
  private static final long FIXED_STEPS = 20_000_000;
  private static final long STEPS_PER_CHARACTER = 200; // LLaDA's own pattern takes about 10
  private static final long FIXED_LENGTH = 4096;
  private static final long GROWTH = 32; // NFKD makes 18 characters of one, at most

  private final long length;
  private long steps;

  /** The budget for a text of so many characters. */
  Budget(int characters) {
    steps = FIXED_STEPS + STEPS_PER_CHARACTER * characters;
    length = FIXED_LENGTH + GROWTH * characters;
  }

  /** Takes steps; false if there are no more. */
  boolean spend(int count) {
    steps -= count;
    return steps >= 0;
  }

  /**
   * Takes steps for characters that a replacement adds: a text of many parts has many replacements.
   *
   * @throws TokenizerException if there are no more
   */
  void grow(int characters) {
    if (!spend(characters)) {
      throw tooLong();
    }
  }

  /**
   * Refuses a text that has grown too long.
   *
   * @throws TokenizerException if the length is beyond the limit
   */
  void checkLength(int characters) {
    if (characters > length) {
      throw tooLong();
    }
  }

  private TokenizerException tooLong() {
    return new TokenizerException(
        "the replacements of the tokenizer's normaliser make more than %d characters of this text"
            .concat("; the file is damaged or hostile, fetch it anew")
            .formatted(length));
  }
}
