package llada.format;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import llada.Golden;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** Damaged safetensors files by the thousand: each is read or refused, nothing else. */
class SafetensorsMutationTest {
  private static final Path FILE =
      Golden.resources().resolve("golden/tiny-llada-bf16-sharded/model-00001-of-00002.safetensors");
  private static final byte[] GOLDEN = bytes();
  private static final int HEADER_END =
      8 + (int) ByteBuffer.wrap(GOLDEN).order(ByteOrder.LITTLE_ENDIAN).getLong();
  private static final String HEADER = new String(GOLDEN, 8, HEADER_END - 8, UTF_8);

  /** A token of the header's JSON: a string, a number or a sign. */
  private static final List<MatchResult> TOKENS =
      Pattern.compile("\"[^\"]*\"|[0-9]+|[\\[\\]{},:]").matcher(HEADER).results().toList();

  private static byte[] bytes() {
    try {
      return Files.readAllBytes(FILE);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Provide
  Arbitrary<List<Mutation>> mutations() {
    return Mutation.some();
  }

  @Provide
  Arbitrary<String> replacements() {
    return Arbitraries.of(
        "",
        "-1",
        "0",
        "1",
        "2",
        "64",
        "1e2",
        "1e999",
        "0.5",
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"F32\"",
        "\"F64\"",
        "\"I64\"",
        "\"F4\"",
        "\"dtype\"",
        "\"shape\"",
        "\"data_offsets\"",
        "\"__metadata__\"",
        "\"\\ud800\"",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "[[[[[[[[",
        "\"a\":1,",
        "}",
        ",",
        ":",
        "9".repeat(500),
        "[".repeat(5000));
  }

  @Property(tries = 5_000)
  void theHeader(@ForAll("mutations") List<Mutation> mutations) {
    check(Mutation.damage(GOLDEN, HEADER_END, mutations));
  }

  @Property(tries = 1_000)
  void theWholeFile(@ForAll("mutations") List<Mutation> mutations) {
    check(Mutation.damage(GOLDEN, GOLDEN.length, mutations));
  }

  /** Edits that leave the JSON well-formed get further than damaged bytes do. */
  @Property(tries = 5_000)
  void theTokensOfTheHeader(
      @ForAll @IntRange(max = 1_000_000) int place,
      @ForAll @IntRange(max = 1_000_000) int source,
      @ForAll boolean copy,
      @ForAll("replacements") String replacement) {
    MatchResult token = TOKENS.get(place % TOKENS.size());
    String text = copy ? TOKENS.get(source % TOKENS.size()).group() : replacement;
    String edited = HEADER.substring(0, token.start()) + text + HEADER.substring(token.end());
    byte[] damaged = SafetensorsTest.file(edited, GOLDEN.length - HEADER_END);
    check(damaged);
  }

  private static void check(byte[] damaged) {
    Mutation.survives(
        () -> readAll(Safetensors.parse(Path.of("damaged"), MemorySegment.ofArray(damaged))));
  }

  @Property(tries = 300)
  void mappedFilesToo(@ForAll("mutations") List<Mutation> mutations) throws IOException {
    Path path = Files.createTempFile("damaged", ".safetensors");
    try (Arena arena = Arena.ofConfined()) {
      Files.write(path, Mutation.damage(GOLDEN, HEADER_END, mutations));
      Mutation.survives(() -> readAll(Safetensors.open(path, arena)));
    } finally {
      Files.delete(path);
    }
  }

  @Example
  void whatIsDamagedIsReadableBefore() {
    assertThat(
            Mutation.survives(
                () ->
                    readAll(Safetensors.parse(Path.of("damaged"), MemorySegment.ofArray(GOLDEN)))))
        .isTrue();
  }

  private static void readAll(Safetensors file) {
    assertThat(file.metadata().toString()).isNotNull();
    assertThat(file.entries().toString()).isNotNull();
    file.tensors().values().forEach(GgufMutationTest::touch);
  }
}
