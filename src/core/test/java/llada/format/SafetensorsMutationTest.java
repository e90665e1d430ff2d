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
import java.util.Random;
import llada.Golden;
import llada.Seeded;
import org.junit.jupiter.api.Test;

/** Damaged safetensors files by the thousand: each is read or refused, nothing else. */
class SafetensorsMutationTest {
  private static final Path FILE =
      Golden.resources().resolve("golden/tiny-llada-bf16-sharded/model-00001-of-00002.safetensors");
  private static final byte[] GOLDEN = bytes();
  private static final int HEADER_END =
      8 + (int) ByteBuffer.wrap(GOLDEN).order(ByteOrder.LITTLE_ENDIAN).getLong();
  private static final String HEADER = new String(GOLDEN, 8, HEADER_END - 8, UTF_8);

  private static byte[] bytes() {
    try {
      return Files.readAllBytes(FILE);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void theHeader() {
    Seeded.cases(5_000, random -> check(Mutation.damage(GOLDEN, HEADER_END, random)));
  }

  @Test
  void theWholeFile() {
    Seeded.cases(1_000, random -> check(Mutation.damage(GOLDEN, GOLDEN.length, random)));
  }

  /** Edits that leave the JSON well-formed get further than damaged bytes do. */
  @Test
  void theTokensOfTheHeader() {
    Seeded.cases(
        5_000,
        random -> {
          String edited = new String(Mutation.damageJson(HEADER.getBytes(UTF_8), random), UTF_8);
          check(SafetensorsTest.file(edited, GOLDEN.length - HEADER_END));
        });
  }

  private static void check(byte[] damaged) {
    Mutation.survives(
        () -> readAll(Safetensors.parse(Path.of("damaged"), MemorySegment.ofArray(damaged))));
  }

  @Test
  void mappedFilesToo() {
    Seeded.cases(300, SafetensorsMutationTest::mapped);
  }

  private static void mapped(Random random) throws IOException {
    Path path = Files.createTempFile("damaged", ".safetensors");
    try (Arena arena = Arena.ofConfined()) {
      Files.write(path, Mutation.damage(GOLDEN, HEADER_END, random));
      Mutation.survives(() -> readAll(Safetensors.open(path, arena)));
    } finally {
      Files.delete(path);
    }
  }

  @Test
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
