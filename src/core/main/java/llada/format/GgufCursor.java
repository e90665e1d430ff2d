package llada.format;

import static llada.format.FormatException.quote;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Reads a GGUF header from front to back. Nothing is read past the end of the file, no count is
 * believed that the rest of the file could not hold, and what is kept on the heap is limited.
 */
final class GgufCursor {
  /** Limit on one string. The longest in use, chat templates, have some tens of kilobytes. */
  static final int MAX_STRING = 1 << 24;

  /** Limit on all that the header makes us keep; vocabularies need some tens of megabytes. */
  static final long MAX_HEAP = 512L << 20;

  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final String file;
  private final MemorySegment bytes;
  private long position;
  private long heap;

  GgufCursor(String file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  long position() {
    return position;
  }

  private long remaining() {
    return bytes.byteSize() - position;
  }

  /** The file's name begins every message. */
  FormatException error(String text) {
    return new FormatException(file + ": " + text);
  }

  /** Accounts for memory before it is allocated. */
  void charge(long amount, String what) {
    heap += amount;
    if (heap > MAX_HEAP) {
      throw error(
          "the header needs more than %d MB of memory at %s; no model's does"
              .formatted(MAX_HEAP >> 20, what));
    }
  }

  /** Moves on by {@code count} bytes and returns where they begin. */
  private long advance(long count, String what) {
    if (count > remaining()) {
      throw error(
          "ends inside %s: %d bytes are needed from byte %d, but the file has %d; download it again"
              .formatted(what, count, position, bytes.byteSize()));
    }
    long at = position;
    position += count;
    return at;
  }

  int u8(String what) {
    return bytes.get(ValueLayout.JAVA_BYTE, advance(1, what)) & 0xFF;
  }

  long u32(String what) {
    return Integer.toUnsignedLong(bytes.get(U32, advance(4, what)));
  }

  /** The bits of 64; negative means 2^63 or more. */
  long u64(String what) {
    return bytes.get(U64, advance(8, what));
  }

  /** A number of things that follow, each of which takes at least {@code minBytes} bytes. */
  long count(String what, int minBytes) {
    long count = u64("the number of " + what);
    if (count < 0 || count > remaining() / minBytes) {
      throw error(
          "claims %s %s, but the %d bytes that follow cannot hold them; the file is damaged or cut short"
              .formatted(Long.toUnsignedString(count), what, remaining()));
    }
    return count;
  }

  /** Copies {@code count} elements of {@code size} bytes to the heap. */
  byte[] array(long count, int size, String what) {
    charge(count * size, what);
    long at = advance(count * size, what);
    return bytes.asSlice(at, count * size).toArray(ValueLayout.JAVA_BYTE);
  }

  /** A length and as many bytes of UTF-8. */
  String string(String what, int maxBytes) {
    long length = u64(what);
    if (length < 0 || length > maxBytes) {
      throw error(
          "%s claims to be %s bytes long; at most %d are allowed"
              .formatted(what, Long.toUnsignedString(length), maxBytes));
    }
    charge(length, what);
    byte[] utf8 = bytes.asSlice(advance(length, what), length).toArray(ValueLayout.JAVA_BYTE);
    String text = new String(utf8, StandardCharsets.UTF_8);
    // The fast decoder writes U+FFFD for bad bytes; only where one turns up is it worth asking
    // whether it stood in the file.
    if (text.indexOf('\uFFFD') >= 0) {
      try {
        StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8));
      } catch (CharacterCodingException e) {
        throw new FormatException(
            "%s: %s is not valid UTF-8: %s".formatted(file, what, quote(text)), e);
      }
    }
    return text;
  }
}
