package llada.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;

/** What Python's strings do that Java's do otherwise. A character is a code point. */
final class Strings {
  private Strings() {}

  /** Python's str.isspace: white space and the four separators of ASCII. */
  static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  static String strip(String text, IntPredicate away, boolean left, boolean right) {
    int start = 0;
    int end = text.length();
    while (left && start < end && away.test(text.codePointAt(start))) {
      start += Character.charCount(text.codePointAt(start));
    }
    while (right && end > start && away.test(text.codePointBefore(end))) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return text.substring(start, end);
  }

  /** Between white space, at most so many cuts if that is not negative. */
  static List<String> words(String text, long cuts) {
    List<String> words = new ArrayList<>();
    int at = 0;
    while (true) {
      while (at < text.length() && isSpace(text.charAt(at))) {
        at++;
      }
      if (at == text.length()) {
        return words;
      }
      int start = at;
      while (at < text.length() && (words.size() == cuts || !isSpace(text.charAt(at)))) {
        at++;
      }
      words.add(text.substring(start, at));
    }
  }

  /** Between separators, at most so many cuts if that is not negative. */
  static List<String> parts(String text, String separator, long cuts) {
    if (separator.isEmpty()) {
      throw new TemplateException("an empty text separates nothing");
    }
    List<String> parts = new ArrayList<>();
    int start = 0;
    int at = text.indexOf(separator);
    while (at >= 0 && parts.size() != cuts) {
      parts.add(text.substring(start, at));
      start = at + separator.length();
      at = text.indexOf(separator, start);
    }
    parts.add(text.substring(start));
    return parts;
  }

  /** Capitals where a word begins, that is after what {@code ends} one, and small letters else. */
  static String title(String text, IntPredicate ends) {
    StringBuilder out = new StringBuilder();
    int before = -1;
    for (int c : text.codePoints().toArray()) {
      String one = Character.toString(c);
      boolean begins = before < 0 || ends.test(before);
      out.append(begins ? one.toUpperCase(Locale.ROOT) : one.toLowerCase(Locale.ROOT));
      before = c;
    }
    return out.toString();
  }

  /** A character as JSON has it in a string. */
  static String escaped(char c) {
    int known = "\"\\\n\r\t\f\b".indexOf(c);
    return known >= 0
        ? "\\" + "\"\\nrtfb".charAt(known)
        : c < 0x20 ? "\\u%04x".formatted((int) c) : Character.toString(c);
  }
}
