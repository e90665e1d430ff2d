package llada.format;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/**
 * One way of damaging a file.
 *
 * @param kind what is done
 * @param where the place, as a share of the part that is attacked
 * @param value what is written, or how much is cut or inserted
 */
record Mutation(Kind kind, double where, long value) {
  enum Kind {
    FLIP_BIT,
    SET_BYTE,
    SET_U32,
    SET_U64,
    TRUNCATE,
    INSERT,
    DELETE
  }

  /** Where sign, width and overflow errors show: around powers of two, and small counts. */
  private static final List<Long> EDGES =
      List.of(
          0L,
          1L,
          2L,
          7L,
          8L,
          9L,
          31L,
          32L,
          255L,
          65_536L,
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
          -1L);

  private static final long ALLOCATION_LIMIT = 64L << 20;
  private static final long NANOS_LIMIT = TimeUnit.SECONDS.toNanos(5);
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** One to four of them. */
  static Arbitrary<List<Mutation>> some() {
    return Combinators.combine(
            Arbitraries.of(Kind.class),
            Arbitraries.doubles().between(0, 1),
            Arbitraries.oneOf(
                Arbitraries.of(EDGES), Arbitraries.longs().between(0, 300), Arbitraries.longs()))
        .as(Mutation::new)
        .list()
        .ofMinSize(1)
        .ofMaxSize(4);
  }

  /** Applies all to the first {@code attacked} bytes of a copy. */
  static byte[] damage(byte[] file, int attacked, List<Mutation> mutations) {
    byte[] damaged = file.clone();
    for (Mutation mutation : mutations) {
      damaged = mutation.apply(damaged, Math.min(attacked, damaged.length));
    }
    return damaged;
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
    }
    return bytes;
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
