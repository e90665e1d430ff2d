package llada.tokenizer;

/** UTF-8 with the replacement rules of the published tokenizer, which differ from Java's own. */
final class Utf8 {
  private static final char REPLACEMENT = '\uFFFD';

  private Utf8() {}

  /** The text with every unpaired surrogate, which UTF-8 cannot express, replaced by U+FFFD. */
  static String wellFormed(String text) {
    int bad = firstUnpaired(text, 0);
    if (bad < 0) {
      return text;
    }
    StringBuilder out = new StringBuilder(text);
    while (bad >= 0) {
      out.setCharAt(bad, REPLACEMENT);
      bad = firstUnpaired(text, bad + 1);
    }
    return out.toString();
  }

  /** Whether every surrogate of the text is paired. */
  static boolean isWellFormed(String text) {
    return firstUnpaired(text, 0) < 0;
  }

  private static int firstUnpaired(String text, int from) {
    for (int i = from; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        boolean paired =
            Character.isHighSurrogate(c)
                && i + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(i + 1));
        if (!paired) {
          return i;
        }
        i++;
      }
    }
    return -1;
  }

  /**
   * Decodes bytes; each maximal prefix of a broken sequence becomes one U+FFFD (the Unicode
   * Standard, section 3.9, table 3-8). Java's decoder makes one U+FFFD of an encoded surrogate
   * where this rule, and Rust's {@code from_utf8_lossy}, make three.
   */
  static String decode(byte[] bytes, int length) {
    StringBuilder out = new StringBuilder(length);
    int i = 0;
    while (i < length) {
      int first = bytes[i++] & 0xff;
      if (first < 0x80) {
        out.append((char) first);
        continue;
      }
      int more = first < 0xC2 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF5 ? 3 : 0;
      if (more == 0) {
        out.append(REPLACEMENT);
        continue;
      }
      // Only the second byte has a narrower range: no overlong form, no surrogate, none past
      // 10FFFF.
      int low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
      int high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
      int codePoint = first & (0x3f >> more);
      int left = more;
      while (left > 0 && i < length && (bytes[i] & 0xff) >= low && (bytes[i] & 0xff) <= high) {
        codePoint = codePoint << 6 | bytes[i++] & 0x3f;
        low = 0x80;
        high = 0xBF;
        left--;
      }
      if (left > 0) {
        out.append(REPLACEMENT);
      } else {
        out.appendCodePoint(codePoint);
      }
    }
    return out.toString();
  }
}
