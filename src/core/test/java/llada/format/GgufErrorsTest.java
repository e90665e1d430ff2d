package llada.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import llada.format.GgufBuilder.Bytes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One message for each rule of the format that a file can break. */
class GgufErrorsTest {
  @TempDir Path folder;

  private void assertRefused(byte[] bytes, String... parts) {
    try (Arena arena = Arena.ofConfined()) {
      Path path = Files.write(folder.resolve("bad.gguf"), bytes);
      assertThatThrownBy(() -> Gguf.open(path, arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("bad.gguf")
          .hasMessageContainingAll(parts);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private void assertRefused(GgufBuilder builder, String... parts) {
    assertRefused(builder.build(), parts);
  }

  private static GgufBuilder gguf() {
    return new GgufBuilder();
  }

  @Test
  void magicAndVersion() {
    assertRefused(new byte[0], "ends inside the magic");
    assertRefused(
        "PK\3\4xxxxxxxx".getBytes(StandardCharsets.US_ASCII), "\"PK\\u0003\\u0004\"", "\"GGUF\"");
    assertRefused(gguf().version(1), "version 1", "2 and 3");
    assertRefused(gguf().version(4), "version 4", "2 and 3");
    assertRefused(gguf().version(0), "version 0", "2 and 3");
    assertRefused(gguf().version(Integer.reverseBytes(3)), "big-endian", "version 3");
    assertRefused(Arrays.copyOf(gguf().build(), 6), "ends inside the version", "has 6");
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> Gguf.open(folder.resolve("none.gguf"), arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll("none.gguf", "no such file");
    }
  }

  @Test
  void countsThatTheFileCannotHold() {
    assertRefused(gguf().tensorCount(1L << 40), "claims 1099511627776 tensors");
    assertRefused(gguf().tensorCount(Long.MAX_VALUE), "claims 9223372036854775807 tensors");
    assertRefused(gguf().extraMetadata(-1), "claims 18446744073709551615 metadata values");
    assertRefused(gguf().extraMetadata(3), "claims 3 metadata values");
    assertRefused(
        gguf().put("k", 9, new Bytes().u32(8).u64(1L << 61)),
        "claims 2305843009213693952 elements of metadata key \"k\"");
    assertRefused(
        gguf().put("k", 9, new Bytes().u32(10).u64(1L << 61)), "2305843009213693952 elements");
    assertRefused(gguf().put("k", 9, new Bytes().u32(9).u64(8)), "claims 8 elements");
    assertRefused(gguf().put("k", 8, new Bytes().u64(1 << 20)), "ends inside", "\"k\"", "1048576");
    assertRefused(gguf().put("k", 8, new Bytes().u64(-1)), "\"k\"", "18446744073709551615");
    assertRefused(gguf().put("k", 8, new Bytes().u64(1 << 25)), "\"k\"", "at most 16777216");
    assertRefused(gguf().string("k".repeat(70_000), ""), "metadata key number 0", "65535");
  }

  @Test
  void headersThatWouldFillTheHeap() throws IOException {
    // Nine million empty strings take 72 MB in the file, a sparse one, but far more in memory.
    long count = 9_000_000;
    Path path = folder.resolve("sparse.gguf");
    Files.write(path, gguf().put("k", 9, new Bytes().u32(8).u64(count)).build());
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(1), 8 * count + 1000);
    }
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> Gguf.open(path, arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll("sparse.gguf", "512 MB", "\"k\"");
    }
  }

  @Test
  void valuesThatBreakARule() {
    assertRefused(gguf().u32("k", 1).u32("k", 2), "\"k\" occurs twice");
    assertRefused(gguf().put("k", 13, new Bytes().u64(0)), "\"k\"", "value type 13");
    assertRefused(gguf().put("k", 7, new Bytes().u8(2)), "\"k\"", "bool 2", "0 or 1");
    assertRefused(gguf().put("k", 9, new Bytes().u32(7).u64(2).u8(1).u8(255)), "\"k\"", "bool 255");
    Bytes notUtf8 = new Bytes().u64(2).u8('a').u8(0xFF);
    assertRefused(gguf().put("k", 8, notUtf8), "\"k\"", "not valid UTF-8", "a\ufffd");
    Bytes nested = new Bytes();
    for (int i = 0; i < 6; i++) {
      nested.u32(9).u64(1);
    }
    assertRefused(gguf().put("k", 9, nested.u32(0).u64(1).u8(0)), "\"k\"", "more than 4 deep");
    assertRefused(gguf().u32("split.count", 3), "one of 3 parts", "merge");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4, 24, 33, 2 << 20, -1})
  void alignmentsThatAreNoPowerOfTwoInRange(int alignment) {
    assertRefused(
        gguf().u32("general.alignment", alignment),
        "general.alignment",
        Integer.toUnsignedString(alignment),
        "power of two from 8 to 1048576");
  }

  @Test
  void alignmentOfAnotherType() {
    assertRefused(gguf().string("general.alignment", "32"), "general.alignment", "\"32\"");
    assertRefused(gguf().ints("general.alignment", 32), "general.alignment", "an array of 1");
  }

  @Test
  void tensorsThatBreakARule() {
    assertRefused(gguf().tensor("t", 0, 4, 1, 1, 1, 1, 1), "\"t\"", "5 dimensions", "at most 4");
    assertRefused(gguf().tensor("t", 0, 4, -1), "\"t\"", "18446744073709551615");
    assertRefused(gguf().tensor("t", 0, 4, 1L << 32, 1L << 32), "\"t\"", "2^63");
    assertRefused(gguf().tensor("t", 0, 4, 1L << 62), "\"t\"", "2^63 bytes");
    assertRefused(gguf().tensor("t", 8, 34, 16, 2), "\"t\"", "Q8_0", "blocks of 32", "16");
    assertRefused(gguf().tensor("t", 12, 144, 32, 8), "\"t\"", "Q4_K", "blocks of 256", "32");
    assertRefused(gguf().tensor("t", 4, 32, 32), "\"t\"", "type number 4", "Q8_0");
    assertRefused(gguf().tensorAt(0, "t", 0xFFFFFFFFL, 4, 1), "type number 4294967295");
    assertRefused(gguf().tensor("t".repeat(65), 0, 4, 1), "tensor number 0", "65 bytes", "64");
    assertRefused(gguf().tensor("t", 0, 4, 1).tensor("t", 0, 4, 1), "\"t\"", "occurs twice");
  }

  @Test
  void offsetsThatBreakARule() {
    assertRefused(gguf().tensorAt(16, "t", 0, 4, 1), "\"t\"", "offset 16", "general.alignment, 32");
    assertRefused(gguf().tensorAt(-32, "t", 0, 4, 1), "\"t\"", "from offset -32");
    assertRefused(
        gguf().tensorAt(1L << 40, "t", 0, 4, 1), "\"t\"", "1099511627776", "has 32 bytes");
    assertRefused(gguf().tensor("t", 0, 4, 100), "\"t\"", "needs 400 bytes", "has 32 bytes");
    assertRefused(
        gguf().tensor("a", 0, 64, 16).tensorAt(32, "b", 0, 4, 1), "\"b\"", "overlap", "\"a\"");
    assertRefused(gguf().tensor("t", 0, 64, 16).cut(1), "\"t\"", "needs 64 bytes", "has 63");
    assertRefused(gguf().tensor("t", 0, 32, 8).cut(35), "should begin at byte", "cut short");
  }

  @Test
  void everyShortenedFileIsRefused() {
    byte[] whole =
        gguf()
            .string("general.architecture", "llada")
            .strings("tokens", "a", "b")
            .ints("types", 1, 2)
            .tensor("t", 0, 32, 8)
            .build();
    for (int length = 0; length < whole.length; length++) {
      byte[] shortened = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> Gguf.parse(Path.of("x"), MemorySegment.ofArray(shortened)))
          .isInstanceOf(FormatException.class);
    }
    assertThat(whole.length).isPositive();
  }
}
