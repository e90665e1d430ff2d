package llada.tokenizer;

import java.text.Normalizer;
import java.util.List;
import java.util.Locale;

/** A change of the text before it is split, in the terms of tokenizer.json. LLaDA's is NFC. */
public sealed interface TextNormalizer {
  /** The text as it is. */
  static TextNormalizer none() {
    return new Steps(List.of());
  }

  /**
   * One of the four Unicode normalisation forms. The tables are the JDK's (Unicode 16 in version
   * 25); the published library's are of Unicode 10 or older, hence a few characters that were added
   * since, most of them marks of historic scripts, can be ordered or composed otherwise there.
   */
  record Unicode(Normalizer.Form form) implements TextNormalizer {}

  /** Each character's lower case for itself: no rule looks at its neighbours. */
  record Lowercase() implements TextNormalizer {}

  /** The text before any text that is not empty. */
  record Prepend(String text) implements TextNormalizer {}

  /** Each match of the pattern gives way to the text. */
  record Replace(SplitPattern pattern, String text) implements TextNormalizer {}

  /** One after the other. */
  record Steps(List<TextNormalizer> steps) implements TextNormalizer {}

  /**
   * The changed text.
   *
   * @throws TokenizerException if a pattern takes too many steps or the text grows too long
   */
  default String apply(String text) {
    return apply(text, new Budget(text.length()));
  }

  /** The same, as part of the work on a text; for this package. */
  default String apply(String text, Budget budget) {
    return switch (this) {
      case Unicode u -> Normalizer.normalize(MarkOrder.sortLongRuns(text), u.form());
      case Lowercase l -> lowercase(text);
      case Prepend p -> text.isEmpty() ? text : p.text() + text;
      case Replace r -> r.pattern().replaceAll(text, r.text(), budget);
      case Steps s -> {
        String result = text;
        for (TextNormalizer step : s.steps()) {
          result = step.apply(result, budget);
          budget.checkLength(result.length());
        }
        yield result;
      }
    };
  }

  private static String lowercase(String text) {
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints().forEach(c -> out.append(Character.toString(c).toLowerCase(Locale.ROOT)));
    return out.toString();
  }
}
