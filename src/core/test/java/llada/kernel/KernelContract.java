package llada.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What every backend must do: agree with the scalar reference. Lengths run over all residues of two
 * vectors and some primes, tensors start off alignment, and each tolerance follows from the number
 * of roundings, never from a guess.
 */
public interface KernelContract {
  /** The kernels on trial. */
  Kernels kernels();

  Kernels REFERENCE = new ScalarKernels();

  /** Tokens, output channels, input channels: tile edges, tails, one row, primes. */
  @ParameterizedTest
  @CsvSource({
    "1,1,1",
    "1,17,5",
    "2,3,64",
    "3,16,31",
    "4,4,16",
    "5,33,33",
    "7,64,127",
    "8,100,65",
    "9,31,257",
    "13,48,96",
    "33,20,40",
    "1,70,1024",
    "2,9,513",
    "8,41,1025",
    "9,40,512",
    "16,72,33",
    "17,33,768",
    "32,130,1100",
    "33,64,256",
    "64,65,1536",
    "257,33,20",
    "300,8,513",
    "3,4100,8",
    "20,4100,8"
  })
  default void matmulAgrees(int t, int n, int k) {
    try (Arena arena = Arena.ofShared()) {
      for (int offset = 0; offset < 3; offset++) {
        Tensor x = Numbers.random(arena, 1, offset, t, k);
        Tensor w = Numbers.random(arena, 2, offset, n, k);
        Tensor expected = Tensor.allocate(arena, DType.F32, t, n);
        Tensor out = Numbers.random(arena, 3, offset, t, n);
        REFERENCE.matmul(expected, x, w);
        kernels().matmul(out, x, w);
        // Two sums of k products, each off by at most k roundings of the sum of magnitudes.
        double bound = 2.0 * k * Numbers.EPSILON * k * Numbers.largest(x) * Numbers.largest(w);
        assertThat(Numbers.largestDifference(out, expected)).isLessThanOrEqualTo(bound);
      }
    }
  }

  /**
   * The largest relative error that rounding an activation makes before it meets a weight of this
   * type; 0 where nothing is rounded.
   */
  default double rounding(DType weight) {
    return 0;
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  default void matmulReadsEveryWeightType(DType dtype) {
    try (Arena arena = Arena.ofShared()) {
      int k = 768;
      for (int t : new int[] {1, 5, 32}) {
        Tensor x = Numbers.random(arena, 4, 1, t, k);
        Tensor w = Numbers.randomWeight(arena, 5, dtype, 37, k);
        Tensor expected = Tensor.allocate(arena, DType.F32, t, 37);
        Tensor out = Tensor.allocate(arena, DType.F32, t, 37);
        REFERENCE.matmul(expected, x, w);
        kernels().matmul(out, x, w);
        double largest = Numbers.largest(x) * Numbers.largest(w);
        double bound = (2.0 * k * Numbers.EPSILON + rounding(dtype)) * k * largest;
        assertThat(Numbers.largestDifference(out, expected)).isLessThanOrEqualTo(bound);
      }
    }
  }

  @Test
  default void matmulLetsNanAndInfinityThrough() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, 2, 40);
      Tensor w = Numbers.random(arena, 2, 0, 3, 40);
      x.set(7, Float.NaN);
      w.set(80 + 39, Float.POSITIVE_INFINITY);
      Tensor out = Tensor.allocate(arena, DType.F32, 2, 3);
      kernels().matmul(out, x, w);
      assertThat(out.get(0)).isNaN();
      assertThat(Float.isFinite(out.get(3))).isTrue();
      assertThat(Float.isInfinite(out.get(5))).isTrue();
    }
  }

  @Test
  default void matmulNamesTheShapesThatDisagree() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, 2, 40);
      Tensor w = Numbers.random(arena, 2, 0, 3, 41);
      Tensor out = Tensor.allocate(arena, DType.F32, 2, 3);
      assertThatThrownBy(() -> kernels().matmul(out, x, w))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("matmul: x is (2, 40) but weight is (3, 41): the last dimensions must agree");
    }
  }

  @Test
  default void rmsNormAgrees() {
    try (Arena arena = Arena.ofShared()) {
      for (int c = 1; c <= 67; c++) {
        Tensor x = Numbers.random(arena, c, c % 3, 3, c);
        Tensor weight = Numbers.random(arena, c + 1, 0, c);
        Tensor expected = Tensor.allocate(arena, DType.F32, 3, c);
        Tensor out = Tensor.allocate(arena, DType.F32, 3, c);
        REFERENCE.rmsNorm(expected, x, weight, 1e-5f);
        kernels().rmsNorm(out, x, weight, 1e-5f);
        double bound = (c + 4) * Numbers.EPSILON * Math.max(1, Numbers.largest(expected));
        assertThat(Numbers.largestDifference(out, expected))
            .as("C = %d", c)
            .isLessThanOrEqualTo(bound);
      }
    }
  }

  @Test
  default void rmsNormOfZerosIsZero() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 2, 19);
      Tensor weight = Numbers.random(arena, 1, 0, 19);
      kernels().rmsNorm(x, x, weight, 1e-5f);
      assertThat(Numbers.largest(x)).isZero();
    }
  }

  @ParameterizedTest
  @CsvSource({"1,2", "3,6", "2,16", "5,34", "1,64", "4,128"})
  default void ropeAgrees(int heads, int d) {
    for (RopeLayout layout : RopeLayout.values()) {
      ropeAgrees(heads, d, layout);
    }
  }

  private void ropeAgrees(int heads, int d, RopeLayout layout) {
    try (Arena arena = Arena.ofShared()) {
      Tensor cos = Tensor.allocate(arena, DType.F32, 50, d / 2);
      Tensor sin = Tensor.allocate(arena, DType.F32, 50, d / 2);
      llada.kernel.scalar.Rope.fillTables(cos, sin, 500000);
      int[] positions = {0, 49, 7, 7};
      Tensor expected = Numbers.random(arena, d, 1, 4, heads * d);
      Tensor out = Numbers.copy(arena, expected);
      double largest = Numbers.largest(expected);
      REFERENCE.rope(expected, positions, RopeTables.whole(cos, sin, layout));
      kernels().rope(out, positions, RopeTables.whole(cos, sin, layout));
      assertThat(Numbers.largestDifference(out, expected))
          .isLessThanOrEqualTo(4 * Numbers.EPSILON * 2 * largest);
    }
  }

  /** Pairs that lie together come out where those that lie apart do, bit for bit. */
  @ParameterizedTest
  @CsvSource({"1,2", "3,6", "2,16", "5,34", "1,64", "4,128"})
  default void ropeGivesTheSameFromEitherLayout(int heads, int d) {
    try (Arena arena = Arena.ofShared()) {
      int half = d / 2;
      Tensor cos = Numbers.random(arena, 1, 0, 3, half);
      Tensor sin = Numbers.random(arena, 2, 0, 3, half);
      int[] positions = {2, 0, 1};
      Tensor split = Numbers.random(arena, 3, 1, 3, heads * d);
      Tensor interleaved = Numbers.random(arena, 4, 2, 3, heads * d);
      for (int head = 0; head < 3 * heads * d; head += d) {
        for (int i = 0; i < half; i++) {
          interleaved.set(head + 2L * i, split.get(head + i));
          interleaved.set(head + 2L * i + 1, split.get(head + half + i));
        }
      }
      kernels().rope(split, positions, RopeTables.whole(cos, sin, RopeLayout.HALF_SPLIT));
      kernels().rope(interleaved, positions, RopeTables.whole(cos, sin, RopeLayout.INTERLEAVED));
      assertThat(Numbers.largestDifference(interleaved, split)).isZero();
    }
  }

  /** Batch, queries, keys, heads, key-value heads, head size. */
  @ParameterizedTest
  @CsvSource({
    "1,1,1,1,1,2",
    "1,7,7,2,2,16",
    "2,33,33,3,1,8",
    "2,5,70,4,2,20",
    "1,65,130,2,1,64",
    "3,4,64,6,3,34",
    "2,33,300,2,1,16",
    "1,70,129,4,2,128",
    "1,140,200,1,1,32",
    "2,270,129,2,1,16"
  })
  default void attentionAgrees(int batch, int queries, int keys, int heads, int kvHeads, int d) {
    try (Arena arena = Arena.ofShared()) {
      for (boolean padded : new boolean[] {false, true}) {
        Tensor q = Numbers.random(arena, 1, 1, batch * queries, heads * d);
        Tensor k = Numbers.random(arena, 2, 2, batch * keys, kvHeads * d);
        Tensor v = Numbers.random(arena, 3, 3, batch * keys, kvHeads * d);
        Tensor expected = Tensor.allocate(arena, DType.F32, batch * queries, heads * d);
        Tensor out = Numbers.random(arena, 4, 0, batch * queries, heads * d);
        out.set(0, Float.NaN); // what was there before must not show
        boolean[] visible = padded ? new boolean[batch * keys] : null;
        if (padded) {
          Random random = new Random(5);
          for (int i = 0; i < visible.length; i++) {
            visible[i] = i % keys == keys - 1 || random.nextInt(3) > 0;
          }
        }
        AttentionShape shape = new AttentionShape(batch, heads, kvHeads);
        AttentionMask mask = AttentionMask.padded(visible);
        REFERENCE.attention(expected, q, k, v, shape, mask);
        kernels().attention(out, q, k, v, shape, mask);
        // Scores are off by d roundings and enter through exp; then a mean over the keys.
        double score = d * Numbers.largest(q) * Numbers.largest(k) / Math.sqrt(d);
        double bound = (2 * d * score + 2.0 * keys + 8) * Numbers.EPSILON * Numbers.largest(v);
        assertThat(Numbers.largestDifference(out, expected)).isLessThanOrEqualTo(bound);
      }
    }
  }

  /** What a cache holds is what the scalar reference makes of it, bit for bit. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16", "Q8_0"})
  default void cacheRowsAreExact(DType dtype) {
    try (Arena arena = Arena.ofShared()) {
      for (int channels : new int[] {32, 64, 96, 1056}) {
        Tensor x = Numbers.random(arena, channels, 1, 3, channels);
        x.set(0, 0); // a block whose numbers differ much in size
        x.set(1, -1e4f);
        x.set(2, 1e-20f);
        for (int c = 0; c < 32; c++) {
          x.set(channels + c, 0); // a block of zeros
        }
        x.set(3L * channels - 1, dtype == DType.Q8_0 ? 5 : Float.NaN);
        int[] rows = {4, 0, 2};
        Tensor expected = Tensor.allocate(arena, dtype, 5, channels);
        Tensor cache = Tensor.allocate(arena, dtype, 5, channels);
        REFERENCE.storeCacheRows(expected, rows, x);
        kernels().storeCacheRows(cache, rows, x);
        assertThat(cache.data().mismatch(expected.data())).isEqualTo(-1);
        Tensor out = Numbers.random(arena, 7, 2, 5, channels);
        kernels().loadCacheRows(out, cache);
        assertThat(out.toArray()).isEqualTo(expected.toArray());
        for (int i = 0; i < rows.length; i++) {
          for (int c = 0; c < channels; c++) {
            float wanted = x.get((long) i * channels + c);
            float found = out.get((long) rows[i] * channels + c);
            // Half a step of bfloat16, or of the block's scale, which is a half itself.
            double bound =
                switch (dtype) {
                  case F32 -> 0;
                  case BF16 -> Math.abs(wanted) / 256;
                  default -> (c < 32 && i == 0 ? 1e4 : 5) / 127 * (0.5 + 127 / 2048.0);
                };
            if (Float.isNaN(wanted)) {
              assertThat(found).isNaN();
            } else {
              assertThat(Math.abs((double) wanted - found)).isLessThanOrEqualTo(bound);
            }
          }
        }
      }
    }
  }

  @Test
  default void cacheRowsRefuseWhatTheyCannotWrite() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, 1, 32);
      Tensor half = Tensor.allocate(arena, DType.F16, 2, 32);
      assertThatThrownBy(() -> kernels().storeCacheRows(half, new int[] {0}, x))
          .hasMessage("store cache rows: the cache is F16; it can be F32, BF16 or Q8_0");
      Tensor cache = Tensor.allocate(arena, DType.F32, 2, 32);
      assertThatThrownBy(() -> kernels().storeCacheRows(cache, new int[] {2}, x))
          .hasMessage("store cache rows: row 2 is not among the 2 of the cache");
    }
  }

  @Test
  default void attentionWithEveryKeyHiddenIsZero() {
    try (Arena arena = Arena.ofShared()) {
      Tensor q = Numbers.random(arena, 1, 0, 4, 16);
      Tensor out = Numbers.random(arena, 2, 0, 4, 16);
      boolean[] visible = {false, false, true, true};
      AttentionShape shape = new AttentionShape(2, 2, 2);
      kernels().attention(out, q, q, q, shape, AttentionMask.padded(visible));
      assertThat(Numbers.largest(out.rows(0, 2))).isZero();
      assertThat(Numbers.largest(out.rows(2, 2))).isPositive();
    }
  }

  @Test
  default void attentionSurvivesHugeScores() {
    try (Arena arena = Arena.ofShared()) {
      Tensor q = Tensor.of(arena, new float[] {1e4f, 0, 0, 1e4f}, 2, 2);
      Tensor v = Tensor.of(arena, new float[] {1, 2, 3, 4}, 2, 2);
      Tensor out = Tensor.allocate(arena, DType.F32, 2, 2);
      kernels().attention(out, q, q, v, AttentionShape.of(1, 1), AttentionMask.FULL);
      assertThat(out.toArray()).containsExactly(1, 2, 3, 4);
    }
  }

  @Test
  default void swiGluAgrees() {
    try (Arena arena = Arena.ofShared()) {
      for (int f = 1; f <= 67; f++) {
        Tensor gate = Numbers.random(arena, f, f % 4, 2, f);
        Tensor up = Numbers.random(arena, f + 1, 0, 2, f);
        gate.set(0, 100);
        gate.set(f, -100);
        Tensor expected = Tensor.allocate(arena, DType.F32, 2, f);
        REFERENCE.swiGlu(expected, gate, up);
        kernels().swiGlu(gate, gate, up); // in place, as the model uses it
        assertThat(Numbers.largestDifference(gate, expected))
            .isLessThanOrEqualTo(8 * Numbers.EPSILON * Numbers.largest(expected));
      }
    }
  }

  @Test
  default void residualIsExact() {
    try (Arena arena = Arena.ofShared()) {
      for (int c = 1; c <= 67; c++) {
        Tensor expected = Numbers.random(arena, c, c % 4, 3, c);
        Tensor out = Numbers.copy(arena, expected);
        Tensor delta = Numbers.random(arena, c + 1, 0, 3, c);
        REFERENCE.residual(expected, expected, delta);
        kernels().residual(out, out, delta);
        assertThat(Numbers.largestDifference(out, expected)).isZero();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  default void embeddingReadsEveryType(DType dtype) {
    try (Arena arena = Arena.ofShared()) {
      Tensor table = Numbers.randomWeight(arena, 6, dtype, 9, 256);
      Tensor out = Tensor.allocate(arena, DType.F32, 4, 256);
      int[] ids = {8, 0, 3, 3};
      kernels().embedding(out, ids, table);
      float[] all = table.toArray();
      float[] found = out.toArray();
      for (int t = 0; t < ids.length; t++) {
        assertThat(Arrays.copyOfRange(found, 256 * t, 256 * (t + 1)))
            .isEqualTo(Arrays.copyOfRange(all, 256 * ids[t], 256 * (ids[t] + 1)));
      }
    }
  }

  @Test
  default void embeddingRefusesAnIdOutOfRange() {
    try (Arena arena = Arena.ofShared()) {
      Tensor table = Numbers.random(arena, 1, 0, 4, 8);
      Tensor out = Tensor.allocate(arena, DType.F32, 1, 8);
      assertThatThrownBy(() -> kernels().embedding(out, new int[] {4}, table))
          .hasMessage("embedding: id 4 at position 0 is not among the 4 rows of the table");
    }
  }
}
