package llada.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import llada.Golden;
import llada.format.GgufBuilder.Bytes;
import llada.tensor.DType;
import llada.tensor.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a good file gives. The refusals are in {@link GgufErrorsTest}. */
class GgufTest {
  static Gguf parse(GgufBuilder builder) {
    return Gguf.parse(Path.of("model.gguf"), MemorySegment.ofArray(builder.build()));
  }

  private static GgufBuilder everyType() {
    return new GgufBuilder()
        .put("u8", 0, new Bytes().u8(255))
        .put("i8", 1, new Bytes().u8(-1))
        .put("u16", 2, new Bytes().u16(65535))
        .put("i16", 3, new Bytes().u16(-2))
        .put("u32", 4, new Bytes().u32(4294967295L))
        .put("i32", 5, new Bytes().u32(-3))
        .put("f32", 6, new Bytes().f32(0.1f))
        .put("yes", 7, new Bytes().u8(1))
        .put("text", 8, new Bytes().string("h\u00e9 \ud83d\ude00 \ufffd\u0000"))
        .put("u64", 10, new Bytes().u64(-1))
        .put("i64", 11, new Bytes().u64(-4))
        .put("f64", 12, new Bytes().f64(1e300))
        .strings("strings", "a", "", "\u0120t")
        .ints("ints", 1, -1)
        .put("none", 9, new Bytes().u32(8).u64(0))
        .put("bools", 9, new Bytes().u32(7).u64(2).u8(0).u8(1))
        .put("nested", 9, new Bytes().u32(9).u64(1).u32(0).u64(1).u8(7));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void readsEveryTypeOfValue(int version) {
    Gguf gguf = parse(everyType().version(version));
    assertThat(gguf.version()).isEqualTo(version);
    assertThat(gguf.metadata())
        .containsEntry("u8", 255L)
        .containsEntry("i8", -1L)
        .containsEntry("u16", 65535L)
        .containsEntry("i16", -2L)
        .containsEntry("u32", 4294967295L)
        .containsEntry("i32", -3L)
        .containsEntry("f32", 0.1f)
        .containsEntry("yes", true)
        .containsEntry("text", "h\u00e9 \ud83d\ude00 \ufffd\u0000")
        .containsEntry("u64", new BigInteger("18446744073709551615"))
        .containsEntry("i64", -4L)
        .containsEntry("f64", 1e300)
        .containsEntry("strings", List.of("a", "", "\u0120t"))
        .containsEntry("ints", List.of(1L, -1L))
        .containsEntry("none", List.of())
        .containsEntry("bools", List.of(false, true))
        .containsEntry("nested", List.of(List.of(7L)))
        .hasSize(17);
    assertThatThrownBy(() -> gguf.metadata().clear())
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void accessorsGiveTheValueAsWhatIsWanted() {
    Gguf gguf = parse(everyType().string("general.architecture", "llada"));
    assertThat(gguf.architecture()).isEqualTo("llada");
    assertThat(gguf.has("u8")).isTrue();
    assertThat(gguf.has("u9")).isFalse();
    assertThat(gguf.integer("i8", -1, 5)).isEqualTo(-1);
    assertThat(gguf.integer("absent", 0, 5, 4)).isEqualTo(4);
    assertThat(gguf.number("f32")).isEqualTo(0.1f);
    assertThat(gguf.number("u8")).isEqualTo(255);
    assertThat(gguf.number("u64")).isEqualTo(0x1p64);
    assertThat(gguf.number("absent", 2.5)).isEqualTo(2.5);
    assertThat(gguf.bool("yes")).isTrue();
    assertThat(gguf.bool("absent", true)).isTrue();
    assertThat(gguf.string("absent", "other")).isEqualTo("other");
    assertThat(gguf.strings("strings")).containsExactly("a", "", "\u0120t");
    assertThat(gguf.strings("none")).isEmpty();
    assertThat(gguf.ints("ints")).containsExactly(1, -1);
  }

  @Test
  void accessorsNameFileKeyValueAndWhatIsNeeded() {
    Gguf gguf = parse(everyType());
    assertWrong(gguf::architecture, "general.architecture", "missing", "a string");
    assertWrong(() -> gguf.string("u8"), "\"u8\"", "255", "a string");
    assertWrong(() -> gguf.string("strings", "x"), "\"strings\"", "an array of 3", "a string");
    assertWrong(() -> gguf.integer("u8", 0, 254), "\"u8\"", "255", "from 0 to 254");
    assertWrong(() -> gguf.integer("u64", 0, 254), "\"u64\"", "18446744073709551615", "0 to 254");
    assertWrong(() -> gguf.integer("f32", 0, 254), "\"f32\"", "0.1", "an integer");
    assertWrong(() -> gguf.integer("text", 0, 254, 0), "\"text\"", "an integer");
    assertWrong(() -> gguf.number("yes"), "\"yes\"", "true", "a number");
    assertWrong(() -> gguf.number("absent"), "\"absent\"", "missing", "a number");
    assertWrong(() -> gguf.bool("u8"), "\"u8\"", "255", "a bool");
    assertWrong(() -> gguf.strings("ints"), "\"ints\"", "an array of 2", "an array of strings");
    assertWrong(() -> gguf.strings("text"), "\"text\"", "an array of strings");
    assertWrong(() -> gguf.ints("strings"), "strings[0]", "\"a\"", "an integer");
    assertWrong(() -> gguf.ints("u8"), "\"u8\"", "an array of integers");
  }

  private static void assertWrong(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String... parts) {
    assertThatThrownBy(call)
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("model.gguf")
        .hasMessageContainingAll(parts);
  }

  @Test
  void shapesAreOutermostFirst() {
    Gguf gguf =
        parse(
            new GgufBuilder()
                .alignment(64)
                .tensor("m", 0, 24, 3, 2)
                .tensor("q", 8, 68, 32, 2)
                .tensor("empty", 1, 0, 0, 5)
                .tensor("scalar", 30, 2)
                .tensor("iq", 16, 132, 256, 2));
    assertThat(gguf.entries().keySet()).containsExactly("m", "q", "empty", "scalar", "iq");
    assertThat(gguf.tensors().keySet()).containsExactly("m", "q", "empty", "scalar");
    assertThat(gguf.tensor("m").shape()).isEqualTo(Shape.of(2, 3));
    assertThat(gguf.tensor("q").dtype()).isEqualTo(DType.Q8_0);
    assertThat(gguf.entries().get("q").begin()).isEqualTo(64);
    assertThat(gguf.tensor("empty").shape()).isEqualTo(Shape.of(5, 0));
    assertThat(gguf.tensor("scalar").toArray()).containsExactly(0);
    assertThat(gguf.entries().get("iq").type()).isEqualTo("IQ2_XXS");
    assertWrong(
        () -> gguf.tensor("iq"),
        "\"iq\"",
        "IQ2_XXS",
        "F64, F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL,"
            + " IQ4_XS, MXFP4",
        "quantise");
    assertWrong(() -> gguf.tensor("absent"), "\"absent\"", "5 tensors", "\"m\"");
  }

  @Test
  void aFileWithoutTensorsMayEndAfterItsMetadata() {
    Gguf gguf = parse(new GgufBuilder().u32("k", 1).cut(15));
    assertThat(gguf.tensors()).isEmpty();
  }

  @Test
  void readsTheCheckpointsThatThePythonPackageWrote() throws IOException {
    Path folder = Golden.resources().resolve("gguf");
    Path original = Golden.resources().resolve("golden/tiny-llada/model.safetensors");
    try (Arena arena = Arena.ofConfined()) {
      Safetensors weights = Safetensors.open(original, arena);
      for (DType type : List.of(DType.F32, DType.Q8_0, DType.Q4_0)) {
        Gguf gguf = Gguf.open(folder.resolve("tiny-llada-" + type + ".gguf"), arena);
        assertThat(gguf.architecture()).isEqualTo("llada");
        assertThat(gguf.integer("llada.block_count", 1, 100)).isEqualTo(2);
        assertThat(gguf.strings("tokenizer.ggml.tokens")).hasSize(320);
        assertThat(gguf.ints("tokenizer.ggml.token_type")).hasSize(320);
        assertThat(gguf.tensors()).hasSameSizeAs(weights.tensors());
        float[] stored = gguf.tensor("output.weight").toArray();
        float[] wanted = weights.tensor("model.transformer.ff_out.weight").toArray();
        // Q8_0 rounds to half a step of 1/127 of the largest, Q4_0 cuts off up to a step of 1/8.
        double share = Map.of(DType.F32, 0.0, DType.Q8_0, 1 / 250.0, DType.Q4_0, 1 / 7.9).get(type);
        double tolerance =
            share
                * IntStream.range(0, wanted.length)
                    .mapToDouble(i -> Math.abs(wanted[i]))
                    .max()
                    .orElseThrow();
        double worst =
            IntStream.range(0, wanted.length)
                .mapToDouble(i -> Math.abs(stored[i] - wanted[i]))
                .max()
                .orElseThrow();
        assertThat(worst).isLessThanOrEqualTo(tolerance);
      }
      Gguf kQuants = Gguf.open(folder.resolve("k-quants.gguf"), arena);
      assertThat(kQuants.tensors().values().stream().map(tensor -> tensor.dtype()))
          .contains(DType.Q4_K, DType.Q5_K, DType.Q6_K);
    }
  }
}
