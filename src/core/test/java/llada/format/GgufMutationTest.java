package llada.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import llada.Golden;
import llada.Seeded;
import llada.format.GgufBuilder.Bytes;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** Damaged GGUF files by the thousand: each is read or refused, nothing else. */
class GgufMutationTest {
  private static final Path FOLDER = Golden.resources().resolve("gguf");
  private static final byte[] MODEL = bytes(FOLDER.resolve("tiny-llada-Q4_0.gguf"));
  private static final byte[] DECODE = bytes(FOLDER.resolve("decode.gguf"));

  /** Small, so that a mutation is likely to hit something: every value type, nested arrays. */
  private static final byte[] SMALL =
      new GgufBuilder()
          .string("general.architecture", "llada")
          .alignment(32)
          .strings("tokens", "a", "b", "\u0120t")
          .ints("types", 1, 3, 1)
          .put("bools", 9, new Bytes().u32(7).u64(2).u8(0).u8(1))
          .put("nested", 9, new Bytes().u32(9).u64(1).u32(8).u64(1).string("x"))
          .put("u64", 10, new Bytes().u64(-1))
          .put("f64", 12, new Bytes().f64(1))
          .tensor("m", 0, 24, 3, 2)
          .tensor("q", 8, 68, 32, 2)
          .tensor("k", 14, 210, 256)
          .build();

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aSmallFile() {
    Seeded.cases(20_000, random -> check(SMALL, SMALL.length, random));
  }

  @Test
  void theHeaderOfAModel() {
    Seeded.cases(4_000, random -> check(MODEL, 12_000, random));
  }

  @Test
  void theTensorListOfAFileOfEveryType() {
    Seeded.cases(2_000, random -> check(DECODE, 1_200, random));
  }

  private static void check(byte[] file, int attacked, Random random) {
    byte[] damaged = Mutation.damage(file, attacked, random);
    Mutation.survives(
        () -> readAll(Gguf.parse(Path.of("damaged.gguf"), MemorySegment.ofArray(damaged))));
  }

  @Test
  void mappedFilesToo() {
    Seeded.cases(300, GgufMutationTest::mapped);
  }

  private static void mapped(Random random) throws IOException {
    Path path = Files.createTempFile("damaged", ".gguf");
    try (Arena arena = Arena.ofConfined()) {
      Files.write(path, Mutation.damage(MODEL, MODEL.length, random));
      Mutation.survives(() -> readAll(Gguf.open(path, arena)));
    } finally {
      Files.delete(path);
    }
  }

  @Test
  void whatIsDamagedIsReadableBefore() {
    for (byte[] file : List.of(SMALL, MODEL, DECODE)) {
      assertThat(
              Mutation.survives(
                  () -> readAll(Gguf.parse(Path.of("damaged"), MemorySegment.ofArray(file)))))
          .isTrue();
    }
  }

  /** Touches all that a user of the file would: metadata, and both ends of every tensor. */
  private static void readAll(Gguf gguf) {
    assertThat(gguf.metadata().toString()).isNotNull();
    assertThat(gguf.entries().toString()).isNotNull();
    gguf.tensors().values().forEach(GgufMutationTest::touch);
  }

  static void touch(Tensor tensor) {
    long elements = tensor.shape().elements();
    if (elements > 0) {
      tensor.get(0);
      tensor.get(elements - 1);
    }
  }
}
