package llada.format;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * One way of damaging a file.
 *
 * @param kind what is done
 * @param where the place, as a share of the part that is attacked
 * @param value what is written, or how much is cut, inserted or copied
 */
public record Mutation(Kind kind, double where, long value) {
  enum Kind {
    FLIP_BIT,
    SET_BYTE,
    SET_U32,
    SET_U64,
    TRUNCATE,
    INSERT,
    DELETE,
    COPY,
    TEXT
  }

  /** Where sign, width and overflow errors show: around powers of two, and small counts. */
  private static final long[] EDGES = {
    0,
    1,
    2,
    7,
    8,
    9,
    31,
    32,
    255,
    65_536,
    1L << 20,
    1L << 31,
    0xFFFF_FFFFL,
    1L << 32,
    1L << 40,
    1L << 60,
    1L << 61,
    1L << 62,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    -1L
  };

  /** What text formats stumble over, put in as it is. */
  private static final List<byte[]> TEXTS =
      List.of(
          bytes("\0"),
          bytes("\uFEFF"),
          bytes("\u001b[2J"),
          bytes("\u202E\u2066"),
          bytes("\u2028"),
          bytes("\uD83D\uDE00"),
          bytes("\n"),
          bytes("\r\n"),
          bytes("\t\t"),
          bytes("{"),
          bytes("}"),
          bytes("]"),
          bytes("\""),
          bytes("\\"),
          bytes("\\u001b[31m"),
          bytes("\\ud800"),
          bytes("{{ x }}"),
          bytes("{% for %}"),
          bytes("NaN"),
          bytes("-1"),
          bytes("1e999"),
          bytes("[".repeat(5_000)),
          bytes("{\"a\":".repeat(200)),
          bytes("x".repeat(70_000)),
          bytes("9".repeat(500)),
          new byte[] {(byte) 0xFF},
          new byte[] {(byte) 0xC3},
          new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0x80});

  /** What is put in the place of a token of JSON. */
  private static final List<String> REPLACEMENTS =
      List.of(
          "",
          "-1",
          "0",
          "1",
          "2",
          "3",
          "64",
          "1e2",
          "1e999",
          "-1e999",
          "1e-999",
          "0.5",
          "null",
          "true",
          "false",
          "[]",
          "{}",
          "[[]]",
          "{\"a\":1}",
          "\"\"",
          "\" \"",
          "\"F32\"",
          "\"F64\"",
          "\"I64\"",
          "\"F4\"",
          "\"dtype\"",
          "\"shape\"",
          "\"data_offsets\"",
          "\"__metadata__\"",
          "\"\\ud800\"",
          "\"\\u0000\"",
          "\"\\u001b[2J\\u202e\\n\\r\\u2028\"",
          "\"" + "y".repeat(100_000) + "\"",
          "\"../../x\"",
          "2147483647",
          "-2147483648",
          "4294967296",
          "9223372036854775807",
          "9223372036854775808",
          "[[[[[[[[",
          "\"a\":1,",
          "}",
          ",",
          ":",
          "9".repeat(500),
          "[".repeat(5000),
          "[".repeat(60) + "]".repeat(60),
          "[" + "1,".repeat(5000) + "1]");

  /** A string, a number, a word or a sign of JSON. */
  private static final Pattern TOKEN =
      Pattern.compile(
          "\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"|-?[0-9][-+.0-9eE]*|true|false|null|[\\[\\]{},:]");

  private static final Pattern MEMBER =
      Pattern.compile(
          "\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"\\s*:\\s*(?:\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"|[-+.0-9eE]+|true|false|null)\\s*,?");

  private static final long ALLOCATION_LIMIT = 64L << 20;
  private static final long NANOS_LIMIT = TimeUnit.SECONDS.toNanos(5);
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  private static Mutation random(Random random) {
    long value =
        switch (random.nextInt(3)) {
          case 0 -> EDGES[random.nextInt(EDGES.length)];
          case 1 -> random.nextInt(301);
          default -> random.nextLong();
        };
    Kind[] kinds = Kind.values();
    return new Mutation(kinds[random.nextInt(kinds.length)], random.nextDouble(), value);
  }

  /** Applies one to four mutations to the first {@code attacked} bytes of a copy. */
  public static byte[] damage(byte[] file, int attacked, Random random) {
    byte[] damaged = file.clone();
    for (int n = 1 + random.nextInt(4); n > 0; n--) {
      damaged = random(random).apply(damaged, Math.min(attacked, damaged.length));
    }
    return damaged;
  }

  /**
   * Changes one to three tokens of JSON: most of the results are well-formed, which gets further
   * than damaged bytes do. A member may be left out, a token replaced or copied.
   */
  public static byte[] damageJson(byte[] json, Random random) {
    String text = new String(json, ISO_8859_1); // keeps every byte
    for (int n = 1 + random.nextInt(3); n > 0; n--) {
      boolean leaveOut = random.nextInt(5) == 0;
      List<MatchResult> found =
          (leaveOut ? MEMBER : TOKEN).matcher(text).results().limit(20_000).toList();
      if (found.isEmpty()) {
        return text.getBytes(ISO_8859_1);
      }
      MatchResult token = found.get(random.nextInt(found.size()));
      String put =
          leaveOut
              ? ""
              : random.nextInt(4) == 0
                  ? found.get(random.nextInt(found.size())).group()
                  : REPLACEMENTS.get(random.nextInt(REPLACEMENTS.size()));
      text = text.substring(0, token.start()) + put + text.substring(token.end());
    }
    return text.getBytes(ISO_8859_1);
  }

  private byte[] apply(byte[] bytes, int attacked) {
    if (attacked == 0) {
      return bytes;
    }
    int at = (int) Math.min(where * attacked, attacked - 1);
    int some = (int) Math.floorMod(value, 64L) + 1;
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    switch (kind) {
      case FLIP_BIT -> bytes[at] ^= (byte) (1 << Math.floorMod(value, 8L));
      case SET_BYTE -> bytes[at] = (byte) value;
      case SET_U32 -> {
        if (bytes.length - at >= 4) {
          buffer.putInt(at, (int) value);
        }
      }
      case SET_U64 -> {
        if (bytes.length - at >= 8) {
          buffer.putLong(at, value);
        }
      }
      case TRUNCATE -> {
        return Arrays.copyOf(bytes, at);
      }
      case INSERT -> {
        byte[] longer = Arrays.copyOf(bytes, bytes.length + some);
        System.arraycopy(bytes, at, longer, at + some, bytes.length - at);
        return longer;
      }
      case DELETE -> {
        int cut = Math.min(some, bytes.length - at);
        byte[] shorter = Arrays.copyOf(bytes, bytes.length - cut);
        System.arraycopy(bytes, at + cut, shorter, at, shorter.length - at);
        return shorter;
      }
      case COPY -> {
        int from = (int) Math.floorMod(value, (long) attacked);
        return inserted(bytes, at, Arrays.copyOfRange(bytes, from, Math.min(from + 200, attacked)));
      }
      case TEXT -> {
        return inserted(bytes, at, TEXTS.get((int) Math.floorMod(value, (long) TEXTS.size())));
      }
    }
    return bytes;
  }

  private static byte[] inserted(byte[] bytes, int at, byte[] more) {
    return ByteBuffer.allocate(bytes.length + more.length)
        .put(bytes, 0, at)
        .put(more)
        .put(bytes, at, bytes.length - at)
        .array();
  }

  /**
   * Runs a reader on a damaged file: it may succeed or throw a FormatException with a message, and
   * must neither take long nor allocate much.
   *
   * @return whether the file was read
   */
  static boolean survives(Runnable reader) {
    long allocated = THREADS.getCurrentThreadAllocatedBytes();
    long begin = System.nanoTime();
    boolean read;
    try {
      reader.run();
      read = true;
    } catch (FormatException e) {
      assertThat(e).hasMessageContaining("damaged");
      read = false;
    }
    assertThat(System.nanoTime() - begin).as("time in ns").isLessThan(NANOS_LIMIT);
    assertThat(THREADS.getCurrentThreadAllocatedBytes() - allocated)
        .as("bytes allocated")
        .isLessThan(ALLOCATION_LIMIT);
    return read;
  }
}
