package llada.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import llada.Golden;
import llada.format.Gguf;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Encoders against blocks of the peers; {@code src/core/test/python/quantise_fixture.py} made them.
 * Rows of x: normal, Laplace, uniform, all positive, all negative, ties, mostly zero, and numbers
 * from the smallest to the largest that the types can hold.
 */
final class EncodeTest {
  private static final int MOSTLY_ZERO = 6;

  private final Arena arena = Arena.ofConfined();
  private final Gguf peers =
      Gguf.open(Golden.resources().resolve("gguf/quantised-by-peers.gguf"), arena);
  private final Tensor x = peers.tensor("x");

  @AfterEach
  void close() {
    arena.close();
  }

  private static byte[] encode(DType type, float[] values, float[] importance) {
    byte[] out = new byte[Math.toIntExact(type.bytes(values.length))];
    type.encode(out, 0, values, 0, values.length, importance, 0);
    return out;
  }

  private static float[] decode(DType type, byte[] blocks, int count) {
    float[] values = new float[count];
    type.decode(MemorySegment.ofArray(blocks), 0, values, 0, count);
    return values;
  }

  private static double error(float[] a, float[] b, float[] weights) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      double off = a[i] - b[i];
      sum += off * off * (weights == null ? 1 : weights[i]);
    }
    return Math.sqrt(sum / a.length);
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16", "Q8_0", "Q4_0"})
  void sameBitsAsTheGgufPackage(DType type) {
    byte[] wanted = peers.tensor("x." + type).data().toArray(ValueLayout.JAVA_BYTE);
    byte[] made = encode(type, x.toArray(), null);
    assertThat(Arrays.mismatch(made, wanted)).isEqualTo(-1);
  }

  @ParameterizedTest
  @EnumSource(names = {"Q4_K", "Q5_K", "Q6_K"})
  void errorsAreNotLargerThanLlamaCpps(DType type) {
    for (int row = 0; row < x.dim(0); row++) {
      float[] values = x.rows(row, 1).toArray();
      float[] peer = peers.tensor("x." + type).rows(row, 1).toArray();
      float[] ours = decode(type, encode(type, values, null), values.length);
      // A block with a single number other than zero: both are near to exact, by chance of
      // rounding.
      double spare = row == MOSTLY_ZERO ? 0.01 * error(new float[2048], values, null) : 0;
      assertThat(error(ours, values, null))
          .as("%s row %d", type, row)
          .isLessThanOrEqualTo(error(peer, values, null) + spare);
    }
  }

  /** What is given weight gets smaller errors, at the cost of the rest. */
  @ParameterizedTest
  @EnumSource(names = {"Q4_0", "Q4_K", "Q5_K", "Q6_K"})
  void importanceLowersTheWeightedError(DType type) {
    SplittableRandom random = new SplittableRandom(3);
    float[] values = new float[4096];
    float[] importance = new float[4096];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian(0, 0.02);
      importance[i] = (float) Math.exp(random.nextGaussian(0, 2));
    }
    double with =
        error(decode(type, encode(type, values, importance), values.length), values, importance);
    double without =
        error(decode(type, encode(type, values, null), values.length), values, importance);
    assertThat(with).isLessThan(without * 0.97);
  }

  static Set<DType> written() {
    return DType.written();
  }

  @Test
  void typesThatAreOnlyReadSaySo() {
    assertThatThrownBy(() -> encode(DType.Q5_1, new float[32], null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Q5_1 is read, but not written");
  }

  /** A block's bytes depend on its numbers only, not on how many are encoded at once. */
  @ParameterizedTest
  @MethodSource("written")
  void piecesAreTheWhole(DType type) {
    float[] values = x.toArray();
    byte[] whole = encode(type, values, null);
    byte[] pieces = new byte[whole.length];
    int step = 256;
    for (int at = 0; at < values.length; at += step) {
      type.encode(pieces, Math.toIntExact(type.bytes(at)), values, at, step, null, at % 2048);
    }
    assertThat(Arrays.mismatch(pieces, whole)).isEqualTo(-1);
  }

  @ParameterizedTest
  @MethodSource("written")
  void zerosStayZeros(DType type) {
    float[] zeros = new float[512];
    for (float value : decode(type, encode(type, zeros, null), 512)) {
      assertThat(value == 0).isTrue(); // or minus zero, as Q4_0 has it in the peers' files too
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0.49999997, 0",
    "0.5, 1",
    "-0.5, -1",
    "-0.49999997, 0",
    "1.4999999, 1",
    "126.5, 127"
  })
  void q8RoundsHalvesAwayFromZero(float value, int code) {
    float[] block = new float[32];
    block[0] = 127; // so that d is 1
    block[1] = value;
    assertThat((int) encode(DType.Q8_0, block, null)[3]).isEqualTo(code);
  }

  @Test
  void bfloat16RoundsTiesToEven() {
    float[] values = {1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -(1 + 0x1p-8f), 1 + 0x1.1p-8f};
    assertThat(decode(DType.BF16, encode(DType.BF16, values, null), 4))
        .containsExactly(1, 1 + 0x1p-6f, -1, 1 + 0x1p-7f);
    float[] halves = {1 + 0x1p-11f, 1 + 3 * 0x1p-11f, 65519};
    assertThat(decode(DType.F16, encode(DType.F16, halves, null), 3))
        .containsExactly(1, 1 + 0x1p-9f, 65504);
  }
}
