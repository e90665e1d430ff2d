package llada.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.MaskedCrossEntropy;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The backward passes of every backend agree with the scalar ones, as {@link KernelContract}. */
public interface GradientContract {
  /** The kernels on trial. */
  Kernels kernels();

  Kernels REFERENCE = new ScalarKernels();

  /** What rounding the operands of a product may add, relative to the sum of sizes. */
  default double gradientRounding() {
    return 0;
  }

  /** Tokens, output channels, input channels. */
  @ParameterizedTest
  @CsvSource({
    "1,1,1",
    "1,17,5",
    "3,16,31",
    "16,16,16",
    "7,64,127",
    "33,31,40",
    "65,100,65",
    "48,112,160",
    "300,33,70",
    "130,272,48"
  })
  default void matmulBackwardAgrees(int t, int n, int k) {
    try (Arena arena = Arena.ofShared()) {
      for (int offset = 0; offset < 2; offset++) {
        Tensor x = Numbers.random(arena, 1, offset, t, k);
        Tensor w = Numbers.random(arena, 2, offset, n, k);
        Tensor dOut = Numbers.random(arena, 3, offset, t, n);
        Tensor expected = Tensor.allocate(arena, DType.F32, t, k);
        Tensor dx = Numbers.random(arena, 4, offset, t, k);
        dx.set(0, Float.NaN); // overwritten
        REFERENCE.matmulBackwardInput(expected, dOut, w);
        kernels().matmulBackwardInput(dx, dOut, w);
        double size = n * Numbers.largest(dOut) * Numbers.largest(w);
        assertThat(Numbers.largestDifference(dx, expected))
            .isLessThanOrEqualTo((2.0 * n * Numbers.EPSILON + gradientRounding()) * size);

        Tensor expectedWeight = Numbers.random(arena, 5, offset, n, k);
        Tensor dWeight = Numbers.copy(arena, expectedWeight); // accumulates
        REFERENCE.matmulBackwardWeight(expectedWeight, dOut, x);
        kernels().matmulBackwardWeight(dWeight, dOut, x);
        size = (t + 1) * Numbers.largest(dOut) * Numbers.largest(x);
        assertThat(Numbers.largestDifference(dWeight, expectedWeight))
            .isLessThanOrEqualTo((2.0 * (t + 1) * Numbers.EPSILON + gradientRounding()) * size);
      }
    }
  }

  /** What rounding the operands adds where the weight is not float32, and so not trained. */
  default double frozenRounding() {
    return gradientRounding();
  }

  /** The gradient of the input goes through weights of every type that files have. */
  @ParameterizedTest
  @EnumSource(DType.class)
  default void matmulBackwardInputTakesEveryType(DType dtype) {
    int[][] shapes = {{1, 16, 256}, {5, 33, 512}, {70, 48, 256}, {33, 288, 768}};
    for (int[] shape : shapes) {
      try (Arena arena = Arena.ofShared()) {
        int n = shape[1];
        Tensor w = Numbers.randomWeight(arena, 2, dtype, n, shape[2]);
        Tensor dOut = Numbers.random(arena, 3, 0, shape[0], n);
        Tensor expected = Tensor.allocate(arena, DType.F32, shape[0], shape[2]);
        Tensor dx = Numbers.random(arena, 4, 0, shape[0], shape[2]);
        REFERENCE.matmulBackwardInput(expected, dOut, w);
        kernels().matmulBackwardInput(dx, dOut, w);
        double rounding = dtype == DType.F32 ? gradientRounding() : frozenRounding();
        double size = n * Numbers.largest(dOut) * Numbers.largest(w);
        assertThat(Numbers.largestDifference(dx, expected))
            .as("%s %s", dtype, Arrays.toString(shape))
            .isLessThanOrEqualTo((2.0 * n * Numbers.EPSILON + rounding) * size);
      }
    }
  }

  /** A head that is not trained has no gradient, and nothing else changes. */
  @Test
  default void crossEntropyBackwardWithoutTheHead() {
    try (Arena arena = Arena.ofShared()) {
      Tensor hidden = Numbers.random(arena, 1, 0, 5, 32);
      Tensor head = Numbers.random(arena, 2, 0, 48, 32);
      int[] targets = {0, 47, 3, 9, 9};
      double[] weights = {1, 0.5, 2, 1, 3};
      double[] losses = new double[5];
      double[] wantedLosses = new double[5];
      Tensor dHidden = Tensor.allocate(arena, DType.F32, 5, 32);
      Tensor wanted = Tensor.allocate(arena, DType.F32, 5, 32);
      Tensor dHead = Tensor.allocate(arena, DType.F32, 48, 32);
      kernels()
          .maskedCrossEntropyBackward(wantedLosses, wanted, dHead, hidden, head, targets, weights);
      kernels()
          .maskedCrossEntropyBackward(
              losses, dHidden, MaskedCrossEntropy.NOT_TRAINED, hidden, head, targets, weights);
      assertThat(losses).isEqualTo(wantedLosses);
      assertThat(Numbers.largestDifference(dHidden, wanted)).isZero();
      assertThat(Numbers.largest(dHead)).isPositive();
    }
  }

  @Test
  default void matmulBackwardNamesTheShapesThatDisagree() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, 2, 40);
      Tensor w = Numbers.random(arena, 2, 0, 3, 41);
      Tensor dOut = Tensor.allocate(arena, DType.F32, 2, 3);
      assertThatThrownBy(() -> kernels().matmulBackwardInput(x, dOut, w))
          .hasMessageContaining("x is (2, 40) but weight is (3, 41)");
      assertThatThrownBy(() -> kernels().matmulBackwardWeight(w, dOut, x))
          .hasMessageContaining("x is (2, 40) but weight is (3, 41)");
    }
  }

  @Test
  default void rmsNormBackwardAgrees() {
    try (Arena arena = Arena.ofShared()) {
      for (int c = 1; c <= 67; c += c < 20 ? 1 : 3) {
        int rows = c % 5 == 0 ? 131 : 3;
        Tensor x = Numbers.random(arena, c, c % 3, rows, c);
        Tensor dOut = Numbers.random(arena, c + 1, 0, rows, c);
        Tensor weight = Numbers.random(arena, c + 2, 0, c);
        Tensor expected = Numbers.random(arena, c + 3, 0, rows, c);
        Tensor dx = Numbers.copy(arena, expected);
        Tensor expectedWeight = Numbers.random(arena, c + 4, 0, c);
        Tensor dWeight = Numbers.copy(arena, expectedWeight);
        REFERENCE.rmsNormBackward(expected, expectedWeight, dOut, x, weight, 1e-3f);
        kernels().rmsNormBackward(dx, dWeight, dOut, x, weight, 1e-3f);
        // Terms of dx are up to 1 / rms, of which there is no more than 1 / sqrt(eps).
        double inverse = 1 / Math.sqrt(1e-3);
        double size = inverse * Numbers.largest(dOut) * Numbers.largest(weight) * 4;
        assertThat(Numbers.largestDifference(dx, expected))
            .as("C = %d", c)
            .isLessThanOrEqualTo((2.0 * c + 8) * Numbers.EPSILON * size);
        // x / rms is at most sqrt(C).
        double sums = rows * Numbers.largest(dOut) * Math.sqrt(c);
        assertThat(Numbers.largestDifference(dWeight, expectedWeight))
            .as("C = %d", c)
            .isLessThanOrEqualTo((2.0 * rows + c + 8) * Numbers.EPSILON * sums);
      }
    }
  }

  /** Forward then backward is a rotation there and back. */
  @ParameterizedTest
  @CsvSource({"1,2", "3,6", "2,16", "5,34", "1,64", "4,128"})
  default void ropeBackwardAgrees(int heads, int d) {
    try (Arena arena = Arena.ofShared()) {
      Tensor cos = Tensor.allocate(arena, DType.F32, 50, d / 2);
      Tensor sin = Tensor.allocate(arena, DType.F32, 50, d / 2);
      llada.kernel.scalar.Rope.fillTables(cos, sin, 500000);
      int[] positions = {0, 49, 7, 7};
      for (RopeLayout layout : RopeLayout.values()) {
        Tensor expected = Numbers.random(arena, d, 1, 4, heads * d);
        Tensor dx = Numbers.copy(arena, expected);
        Tensor original = Numbers.copy(arena, expected);
        double bound = 8 * Numbers.EPSILON * 2 * Numbers.largest(expected);
        RopeTables tables = RopeTables.whole(cos, sin, layout);
        REFERENCE.ropeBackward(expected, positions, tables);
        kernels().ropeBackward(dx, positions, tables);
        assertThat(Numbers.largestDifference(dx, expected)).isLessThanOrEqualTo(bound);
        kernels().rope(dx, positions, tables);
        assertThat(Numbers.largestDifference(dx, original)).isLessThanOrEqualTo(bound);
      }
    }
  }

  /** Batch, queries, keys, heads, key-value heads, head size. */
  @ParameterizedTest
  @CsvSource({
    "1,1,1,1,1,2",
    "1,7,7,2,2,16",
    "2,33,33,3,1,8",
    "2,5,70,4,2,20",
    "1,65,65,2,1,64",
    "3,40,40,6,3,34",
    "2,37,150,2,1,32",
    "1,1,3,1,1,32",
    "1,64,128,2,2,32"
  })
  default void attentionBackwardAgrees(
      int batch, int queries, int keys, int heads, int kvHeads, int d) {
    for (boolean padded : new boolean[] {false, true}) {
      boolean[] visible = padded ? new boolean[batch * keys] : null;
      if (padded) {
        Random random = new Random(5); // some first keys too: a causal query may see nothing
        for (int i = 0; i < visible.length; i++) {
          visible[i] = i % keys == keys - 1 || random.nextInt(3) > 0;
        }
      }
      AttentionShape shape = new AttentionShape(batch, heads, kvHeads);
      attentionBackwardAgrees(queries, keys, d, shape, AttentionMask.padded(visible));
      if (queries == keys) {
        for (int block : new int[] {1, 4, 5, 32}) {
          AttentionMask mask = AttentionMask.blocks(visible, batch, keys, block);
          attentionBackwardAgrees(queries, keys, d, shape, mask);
        }
      }
      int[] reach = new int[batch * queries];
      Arrays.setAll(reach, i -> (7 * i + 3) % (keys + 1));
      attentionBackwardAgrees(queries, keys, d, shape, new AttentionMask(visible, reach, false));
    }
  }

  private void attentionBackwardAgrees(
      int queries, int keys, int d, AttentionShape shape, AttentionMask mask) {
    int batch = shape.batch();
    int heads = shape.heads();
    int kvHeads = shape.kvHeads();
    try (Arena arena = Arena.ofShared()) {
      Tensor q = Numbers.random(arena, 1, 1, batch * queries, heads * d);
      Tensor k = Numbers.random(arena, 2, 2, batch * keys, kvHeads * d);
      Tensor v = Numbers.random(arena, 3, 3, batch * keys, kvHeads * d);
      Tensor dOut = Numbers.random(arena, 4, 0, batch * queries, heads * d);
      Tensor out = Numbers.random(arena, 5, 0, batch * queries, heads * d);
      Tensor expectedOut = Numbers.copy(arena, out);
      REFERENCE.attention(expectedOut, q, k, v, shape, mask);
      kernels().attention(out, q, k, v, shape, mask);
      // Scores are off by d roundings and enter through exp, as in the forward contract.
      double score = Math.sqrt(d) * Numbers.largest(q) * Numbers.largest(k);
      double roundings = 2 * d * score + 2.0 * keys + 8;
      assertThat(Numbers.largestDifference(out, expectedOut))
          .isLessThanOrEqualTo(roundings * Numbers.EPSILON * Numbers.largest(v));

      Tensor[] expected = gradients(arena, q, k, v);
      Tensor[] found = gradients(arena, q, k, v);
      REFERENCE.attentionBackward(
          expected[0], expected[1], expected[2], dOut, q, k, v, shape, mask);
      kernels().attentionBackward(found[0], found[1], found[2], dOut, q, k, v, shape, mask);
      // dp is a sum over d, ds at most p times twice that; dk and dv add up queries of a group.
      double dp = d * Numbers.largest(dOut) * Numbers.largest(v);
      double group = (double) queries * heads / kvHeads;
      double error = (roundings + d) * Numbers.EPSILON;
      double scale = 2 / Math.sqrt(d);
      assertThat(Numbers.largestDifference(found[0], expected[0]))
          .isLessThanOrEqualTo(error * dp * scale * Numbers.largest(k));
      assertThat(Numbers.largestDifference(found[1], expected[1]))
          .isLessThanOrEqualTo(
              (error + group * Numbers.EPSILON) * group * dp * scale * Numbers.largest(q));
      assertThat(Numbers.largestDifference(found[2], expected[2]))
          .isLessThanOrEqualTo((error + group * Numbers.EPSILON) * group * Numbers.largest(dOut));
    }
  }

  private static Tensor[] gradients(Arena arena, Tensor... tensors) {
    Tensor[] all = new Tensor[tensors.length];
    for (int i = 0; i < tensors.length; i++) {
      all[i] = Numbers.random(arena, 6 + i, i, tensors[i].shape().toArray());
      all[i].set(0, Float.NaN); // overwritten
    }
    return all;
  }

  @Test
  default void swiGluBackwardAgrees() {
    try (Arena arena = Arena.ofShared()) {
      for (int f = 1; f <= 67; f++) {
        Tensor gate = Numbers.random(arena, f, f % 4, 2, f);
        Tensor up = Numbers.random(arena, f + 1, 0, 2, f);
        Tensor dOut = Numbers.random(arena, f + 2, 0, 2, f);
        gate.set(0, 100);
        gate.set(f, -100);
        Tensor expectedGate = Tensor.allocate(arena, DType.F32, 2, f);
        Tensor expectedUp = Tensor.allocate(arena, DType.F32, 2, f);
        Tensor dGate = Numbers.random(arena, 1, 0, 2, f);
        double largest = 100 * Math.max(Numbers.largest(up), 1) * Numbers.largest(dOut);
        REFERENCE.swiGluBackward(expectedGate, expectedUp, dOut, gate, up);
        kernels().swiGluBackward(dGate, dOut, dOut, gate, up); // in place, as the model uses it
        assertThat(Numbers.largestDifference(dGate, expectedGate))
            .isLessThanOrEqualTo(16 * Numbers.EPSILON * largest);
        assertThat(Numbers.largestDifference(dOut, expectedUp))
            .isLessThanOrEqualTo(8 * Numbers.EPSILON * largest);
      }
    }
  }

  @Test
  default void embeddingBackwardIsExact() {
    try (Arena arena = Arena.ofShared()) {
      for (int c : new int[] {1, 7, 64, 67, 200}) {
        Tensor expected = Numbers.random(arena, c, c % 4, 9, c);
        Tensor dTable = Numbers.copy(arena, expected);
        Tensor dOut = Numbers.random(arena, c + 1, 0, 5, c);
        int[] ids = {8, 0, 3, 3, 8};
        REFERENCE.embeddingBackward(expected, ids, dOut);
        kernels().embeddingBackward(dTable, ids, dOut);
        assertThat(Numbers.largestDifference(dTable, expected)).isZero();
      }
    }
  }

  /** Rows, vocabulary, channels. */
  @ParameterizedTest
  @CsvSource({"1,1,1", "3,7,5", "2,70,16", "33,131,24", "300,17,48", "5,1031,64"})
  default void maskedCrossEntropyBackwardAgrees(int rows, int v, int c) {
    try (Arena arena = Arena.ofShared()) {
      Tensor hidden = Numbers.random(arena, 1, 1, rows, c);
      Tensor head = Numbers.random(arena, 2, 2, v, c);
      int[] targets = new int[rows];
      double[] weights = new double[rows];
      Random random = new Random(3);
      for (int r = 0; r < rows; r++) {
        targets[r] = random.nextInt(v);
        weights[r] = random.nextDouble() / rows;
      }
      double[] expectedLosses = new double[rows];
      double[] losses = new double[rows];
      Tensor expectedHidden = Tensor.allocate(arena, DType.F32, rows, c);
      Tensor dHidden = Numbers.random(arena, 3, 0, rows, c);
      Tensor expectedHead = Numbers.random(arena, 4, 0, v, c);
      Tensor dHead = Numbers.copy(arena, expectedHead);
      REFERENCE.maskedCrossEntropyBackward(
          expectedLosses, expectedHidden, expectedHead, hidden, head, targets, weights);
      kernels().maskedCrossEntropyBackward(losses, dHidden, dHead, hidden, head, targets, weights);
      // A logit is off by c roundings of its terms, a probability by as much, relative.
      double logit =
          (2.0 * c * Numbers.EPSILON + gradientRounding())
              * c
              * Numbers.largest(hidden)
              * Numbers.largest(head);
      double p = 2 * logit + (128 + v + rows) * Numbers.EPSILON + 2 * gradientRounding();
      for (int r = 0; r < rows; r++) {
        assertThat(Math.abs(losses[r] - expectedLosses[r])).isLessThanOrEqualTo(weights[r] * p);
      }
      assertThat(Numbers.largestDifference(dHidden, expectedHidden))
          .isLessThanOrEqualTo(2 * p / rows * Numbers.largest(head));
      assertThat(Numbers.largestDifference(dHead, expectedHead))
          .isLessThanOrEqualTo(2 * p * Numbers.largest(hidden));
    }
  }
}
