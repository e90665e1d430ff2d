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

  /** One of the four Unicode normalisation forms, with the JDK's tables. */
  record Unicode(Normalizer.Form form) implements TextNormalizer {}

  /** Each character's lower case for itself: no rule looks at its neighbours. */
  record Lowercase() implements TextNormalizer {}

  /** The text before any text that is not empty. */
  record Prepend(String text) implements TextNormalizer {}

  /** Each match of the pattern gives way to the text. */
  record Replace(SplitPattern pattern, String text) implements TextNormalizer {}

  /** One after the other. */
  record Steps(List<TextNormalizer> steps) implements TextNormalizer {}

  /** The changed text. */
  default String apply(String text) {
    return switch (this) {
      case Unicode u -> Normalizer.normalize(text, u.form());
      case Lowercase l -> lowercase(text);
      case Prepend p -> text.isEmpty() ? text : p.text() + text;
      case Replace r -> r.pattern().replaceAll(text, r.text());
      case Steps s -> {
        String result = text;
        for (TextNormalizer step : s.steps()) {
          result = step.apply(result);
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
