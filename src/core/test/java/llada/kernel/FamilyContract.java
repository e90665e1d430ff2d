package llada.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.Rope;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What models beside LLaDA ask of the kernels: masks by which a query sees a part of the keys only,
 * rotary embeddings of a part of a head, biases, and a norm of each head. As {@link
 * KernelContract}.
 */
public interface FamilyContract {
  /** The kernels on trial. */
  Kernels kernels();

  Kernels REFERENCE = new ScalarKernels();

  private static boolean[] padding(int batch, int keys) {
    boolean[] visible = new boolean[batch * keys];
    Random random = new Random(5);
    for (int i = 0; i < visible.length; i++) {
      // From the left, as batches are padded, and some more.
      visible[i] = i % keys >= Math.min(keys - 1, 3 * (i / keys)) && random.nextInt(8) > 0;
    }
    return visible;
  }

  private static List<AttentionMask> masks(int batch, int queries, int keys) {
    List<AttentionMask> masks = new ArrayList<>();
    for (boolean[] visible : new boolean[][] {null, padding(batch, keys)}) {
      for (int block : new int[] {1, 4, 5, 32}) {
        AttentionMask whole = AttentionMask.blocks(visible, batch, keys, block);
        int[] last = new int[batch * queries]; // the last queries of each sequence
        Arrays.setAll(last, i -> i / queries * keys + keys - queries + i % queries);
        masks.add(whole.queries(last));
      }
      int[] any = new int[batch * queries];
      Arrays.setAll(any, i -> (11 * i + 5) % (keys + 1));
      masks.add(new AttentionMask(visible, any, false));
      for (AttentionMask mask : List.copyOf(masks)) {
        masks.add(mask.asBias());
      }
    }
    return masks;
  }

  /** Batch, queries, keys, heads, key-value heads, head size. */
  @ParameterizedTest
  @CsvSource({
    "1,1,1,1,1,2",
    "2,33,33,3,1,8",
    "2,5,70,4,2,20",
    "3,37,37,6,3,34",
    "1,130,130,4,2,16",
    "2,32,96,2,1,64",
    "1,70,300,2,1,32",
    "1,3,129,4,2,128",
    "2,270,270,2,1,16",
    "1,40,40,1,1,160"
  })
  default void attentionAgreesUnderAnyMask(
      int batch, int queries, int keys, int heads, int kvHeads, int d) {
    try (Arena arena = Arena.ofShared()) {
      Tensor q = Numbers.random(arena, 1, 1, batch * queries, heads * d);
      Tensor k = Numbers.random(arena, 2, 2, batch * keys, kvHeads * d);
      Tensor v = Numbers.random(arena, 3, 3, batch * keys, kvHeads * d);
      Tensor expected = Tensor.allocate(arena, DType.F32, batch * queries, heads * d);
      AttentionShape shape = new AttentionShape(batch, heads, kvHeads);
      // Scores are off by d roundings and enter through exp; then a mean over the keys.
      double score = 1 + d * Numbers.largest(q) * Numbers.largest(k) / Math.sqrt(d);
      double bound = (2 * d * score + 2.0 * keys + 8) * Numbers.EPSILON * Numbers.largest(v);
      for (AttentionMask mask : masks(batch, queries, keys)) {
        Tensor out = Numbers.random(arena, 4, 0, batch * queries, heads * d);
        out.set(0, Float.NaN); // what was there before must not show
        REFERENCE.attention(expected, q, k, v, shape, mask);
        kernels().attention(out, q, k, v, shape, mask);
        assertThat(Numbers.largestDifference(out, expected))
            .as("%s", mask)
            .isLessThanOrEqualTo(bound);
      }
    }
  }

  /** A cache holds anything behind the block that is computed: NaN, for example. */
  @ParameterizedTest
  @CsvSource({"4,16", "32,16", "32,64", "5,20", "32,160"})
  default void whatNoQueryReachesDoesNotMatter(int block, int d) {
    try (Arena arena = Arena.ofShared()) {
      int keys = 7 * block + 3;
      Tensor q = Numbers.random(arena, 1, 0, 2 * block, 4 * d);
      Tensor k = Numbers.random(arena, 2, 0, 2L * keys, 2 * d);
      Tensor v = Numbers.random(arena, 3, 0, 2L * keys, 2 * d);
      Tensor expected = Tensor.allocate(arena, DType.F32, 2 * block, 4 * d);
      Tensor out = Tensor.allocate(arena, DType.F32, 2 * block, 4 * d);
      int[] reach = new int[2 * block];
      Arrays.fill(reach, 0, block, 3 * block);
      Arrays.fill(reach, block, 2 * block, 5 * block);
      AttentionMask mask = new AttentionMask(null, reach, false);
      AttentionShape shape = new AttentionShape(2, 4, 2);
      kernels().attention(expected, q, k, v, shape, mask);
      for (int b = 0; b < 2; b++) {
        for (int s = reach[b * block]; s < keys; s++) {
          for (long i = 0; i < 2L * d; i++) {
            k.set((b * keys + s) * 2L * d + i, Float.NaN);
            v.set((b * keys + s) * 2L * d + i, i % 2 == 0 ? Float.NaN : Float.POSITIVE_INFINITY);
          }
        }
      }
      kernels().attention(out, q, k, v, shape, mask);
      assertThat(out.toArray()).isEqualTo(expected.toArray());
      assertThat(Numbers.largest(out)).isPositive().isFinite();
    }
  }

  @Test
  default void aMaskThatDoesNotFitIsRefused() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, 4, 16);
      AttentionShape shape = new AttentionShape(2, 2, 2);
      int[][] reaches = {{1, 2, 2}, {1, 2, 3, 2}, {1, 2, -1, 2}};
      String[] why = {
        "attention: the mask has 3 reaches for 4 queries",
        "attention: query 2 reaches 3 keys; a sequence has 2",
        "attention: query 2 reaches -1 keys; a sequence has 2"
      };
      for (int i = 0; i < why.length; i++) {
        AttentionMask mask = new AttentionMask(null, reaches[i], false);
        assertThatThrownBy(() -> kernels().attention(x, x, x, x, shape, mask))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage(why[i]);
      }
      AttentionMask bias = AttentionMask.causal(null, 2, 2).asBias();
      assertThatThrownBy(() -> kernels().attentionBackward(x, x, x, x, x, x, x, shape, bias))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("a mask that is added to the scores has no gradient here");
    }
  }

  /** Heads, head size, rotary channels of it. */
  @ParameterizedTest
  @CsvSource({"3,6,2", "2,24,12", "5,34,18", "1,64,32", "4,128,64", "2,16,0", "2,20,20"})
  default void aPartOfAHeadIsTurned(int heads, int d, int rotary) {
    try (Arena arena = Arena.ofShared()) {
      Tensor cos = Tensor.allocate(arena, DType.F32, 50, rotary / 2);
      Tensor sin = Tensor.allocate(arena, DType.F32, 50, rotary / 2);
      Rope.fillTables(cos, sin, Rope.frequencies(10000, rotary));
      int[] positions = {0, 49, 7, 7};
      for (RopeLayout layout : RopeLayout.values()) {
        RopeTables tables = new RopeTables(cos, sin, d, layout);
        Tensor x = Numbers.random(arena, d, 1, 4, heads * d);
        Tensor expected = Numbers.copy(arena, x);
        Tensor out = Numbers.copy(arena, x);
        double bound = 8 * Numbers.EPSILON * Numbers.largest(x);
        REFERENCE.rope(expected, positions, tables);
        kernels().rope(out, positions, tables);
        assertThat(Numbers.largestDifference(out, expected)).isLessThanOrEqualTo(bound);
        for (int i = 0; i < 4 * heads * d; i++) {
          if (i % d >= rotary) {
            assertThat(out.get(i)).isEqualTo(x.get(i));
          }
        }
        kernels().ropeBackward(out, positions, tables);
        assertThat(Numbers.largestDifference(out, x)).isLessThanOrEqualTo(2 * bound);
        REFERENCE.ropeBackward(expected, positions, tables);
        assertThat(Numbers.largestDifference(out, expected)).isLessThanOrEqualTo(2 * bound);
      }
      RopeTables small = new RopeTables(cos, sin, rotary - 1, RopeLayout.HALF_SPLIT);
      Tensor x = Tensor.allocate(arena, DType.F32, 1, Math.max(1, rotary - 1));
      assertThatThrownBy(() -> kernels().rope(x, new int[] {0}, small))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  default void addBiasAddsToEveryRow() {
    try (Arena arena = Arena.ofShared()) {
      for (int c = 1; c <= 67; c++) {
        Tensor expected = Numbers.random(arena, c, c % 4, 3, c);
        Tensor x = Numbers.copy(arena, expected);
        Tensor bias = Numbers.random(arena, c + 1, c % 3, c);
        REFERENCE.addBias(expected, bias);
        kernels().addBias(x, bias);
        assertThat(x.toArray()).isEqualTo(expected.toArray());
        Tensor expectedBias = Numbers.random(arena, c + 2, 0, c);
        Tensor dBias = Numbers.copy(arena, expectedBias);
        Tensor dOut = Numbers.random(arena, c + 3, 0, 41, c);
        REFERENCE.addBiasBackward(expectedBias, dOut);
        kernels().addBiasBackward(dBias, dOut);
        assertThat(Numbers.largestDifference(dBias, expectedBias))
            .isLessThanOrEqualTo(2 * 42 * 42 * Numbers.EPSILON * Numbers.largest(dOut));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16", "Q8_0"})
  default void aBiasMayBeOfAnyType(DType dtype) {
    try (Arena arena = Arena.ofShared()) {
      Tensor bias = Numbers.randomWeight(arena, 5, dtype, 1, 256).slice(0, 256);
      Tensor expected = Numbers.random(arena, 1, 0, 3, 256);
      Tensor x = Numbers.copy(arena, expected);
      REFERENCE.addBias(expected, bias);
      kernels().addBias(x, bias);
      assertThat(x.toArray()).isEqualTo(expected.toArray());
      Tensor wrong = Tensor.allocate(arena, DType.F32, 255);
      assertThatThrownBy(() -> kernels().addBias(x, wrong))
          .hasMessage("add_bias: bias is (255) but must be (256)");
    }
  }

  /** As queries and keys are normalised: in place, each head by itself. */
  @ParameterizedTest
  @CsvSource({"1,16", "4,16", "3,24", "16,128", "2,5"})
  default void headsAreNormalisedInPlace(int heads, int d) {
    try (Arena arena = Arena.ofShared()) {
      int tokens = 70;
      Tensor q = Numbers.random(arena, d, 1, tokens, heads * d);
      Tensor byHead = q.slice(0, (long) tokens * heads, d);
      Tensor weight = Numbers.random(arena, d + 1, 0, d);
      Tensor expected = Tensor.allocate(arena, DType.F32, tokens * heads, d);
      REFERENCE.rmsNorm(expected, byHead, weight, 1e-6f);
      kernels().rmsNorm(byHead, byHead, weight, 1e-6f);
      double bound = (d + 4) * Numbers.EPSILON * Math.max(1, Numbers.largest(expected));
      assertThat(Numbers.largestDifference(byHead, expected)).isLessThanOrEqualTo(bound);
      assertThat(q.toArray()).isEqualTo(byHead.toArray()); // a view of the same numbers
    }
  }
}
