package llada.tokenizer;

/** What a splitter or a replacement looks for: a regular expression or a fixed text. */
public final class SplitPattern {
  private final Regex regex;

  private SplitPattern(Regex regex) {
    this.regex = regex;
  }

  /**
   * A regular expression in Oniguruma's syntax.
   *
   * @throws TokenizerException if it is wrong or uses what is not supported
   */
  public static SplitPattern regex(String pattern) {
    return new SplitPattern(Regex.compile(pattern));
  }

  /** A text that is looked for as it stands. */
  public static SplitPattern literal(String text) {
    return new SplitPattern(Regex.literal(text));
  }

  RegexMatcher matcher(String text, int from, int to, Budget budget) {
    return new RegexMatcher(regex, text, from, to, budget);
  }

  /** The text with every match replaced. */
  String replaceAll(String text, String replacement, Budget budget) {
    RegexMatcher matcher = matcher(text, 0, text.length(), budget);
    StringBuilder out = new StringBuilder(text.length());
    int done = 0;
    while (matcher.find()) {
      out.append(text, done, matcher.start()).append(replacement);
      budget.grow(replacement.length());
      budget.checkLength(out.length());
      done = matcher.end();
    }
    return out.append(text, done, text.length()).toString();
  }

  @Override
  public String toString() {
    return regex.toString();
  }
}
