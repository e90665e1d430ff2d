package llada.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The printable stand-in for each byte in a byte-level vocabulary (Radford et al. 2019, GPT-2).
 * Printable Latin-1 characters stand for themselves; the other bytes, in order, are U+0100 and
 * following, so that the space becomes Ġ and the newline Ċ.
 */
final class ByteAlphabet {
  private static final char[] SYMBOL = new char[256];
  private static final int[] BYTE = new int[0x200];

  static {
    Arrays.fill(BYTE, -1);
    char next = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      SYMBOL[b] = printable ? (char) b : next++;
      BYTE[SYMBOL[b]] = b;
    }
  }

  private ByteAlphabet() {}

  /** The character that stands for a byte from 0 to 255. */
  static String symbol(int unsignedByte) {
    return String.valueOf(SYMBOL[unsignedByte]);
  }

  /** Each byte's stand-in: the form in which vocabularies store the text. */
  static String symbols(byte[] bytes) {
    StringBuilder out = new StringBuilder(bytes.length);
    for (byte b : bytes) {
      out.append(SYMBOL[b & 0xff]);
    }
    return out.toString();
  }

  /**
   * The bytes of a token: those its characters stand for or, as in the Hugging Face decoder, the
   * token's own UTF-8 if any of its characters stands for no byte.
   */
  static byte[] bytes(String token) {
    byte[] bytes = new byte[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      char c = token.charAt(i);
      if (c >= BYTE.length || BYTE[c] < 0) {
        return token.getBytes(StandardCharsets.UTF_8);
      }
      bytes[i] = (byte) BYTE[c];
    }
    return bytes;
  }
}
