package llada.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import llada.Golden;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The scalar decoders against the Python package {@code gguf}: random blocks whose scales run
 * through zeros of both signs, subnormals and the largest float16, made by gguf_fixtures.py. Both
 * sides multiply in float32 and in the same order, so the bits must agree.
 */
class QuantizedDecodeTest {
  @ParameterizedTest
  @EnumSource(
      names = {"F64", "F32"},
      mode = EnumSource.Mode.EXCLUDE)
  void decodesToTheSameBits(DType type) {
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = Gguf.open(Golden.resources().resolve("gguf/decode.gguf"), arena);
      Tensor stored = gguf.tensor(type.name());
      assertThat(stored.dtype()).isEqualTo(type);
      float[] actual = stored.toArray();
      float[] expected = gguf.tensor(type.name() + ".expected").toArray();
      assertThat(actual).hasSameSizeAs(expected);
      for (int i = 0; i < expected.length; i++) {
        // Which NaN a NaN becomes is left open; every other number has its bits.
        if (!(Float.isNaN(expected[i]) && Float.isNaN(actual[i]))) {
          assertThat(Float.floatToRawIntBits(actual[i]))
              .as("%s[%d]: %s, expected %s", type, i, actual[i], expected[i])
              .isEqualTo(Float.floatToRawIntBits(expected[i]));
        }
      }
    }
  }
}
