package llada.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.Random;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;

/**
 * Each scalar backward pass against central differences of its forward pass: for a random gradient
 * g of the output, d/dx of sum(g * out) is what the backward pass gives for g.
 *
 * <p>Differences over h and 2h are combined so that the error is of order h^4. Outputs are float32,
 * their sum is double: what remains is their rounding over h.
 */
final class CentralDifferencesTest {
  private static final double H = 0x1p-6;

  private static final Kernels KERNELS = new ScalarKernels();

  /** Runs the forward pass anew. */
  private interface Forward {
    double loss();
  }

  private static double weighted(Tensor g, Tensor out) {
    double sum = 0;
    for (long i = 0; i < out.shape().elements(); i++) {
      sum += (double) g.get(i) * out.get(i);
    }
    return sum;
  }

  private static double difference(Forward forward, Tensor x, long i, double h) {
    float before = x.get(i);
    x.set(i, (float) (before + h));
    double up = x.get(i);
    double above = forward.loss();
    x.set(i, (float) (before - h));
    double down = x.get(i);
    double below = forward.loss();
    x.set(i, before);
    return (above - below) / (up - down);
  }

  private static void check(String what, Forward forward, Tensor x, Tensor dx) {
    double largest = Numbers.largest(dx);
    for (long i = 0; i < x.shape().elements(); i++) {
      double near = difference(forward, x, i, H);
      double far = difference(forward, x, i, 2 * H);
      double expected = (4 * near - far) / 3;
      assertThat((double) dx.get(i))
          .as("%s, element %d", what, i)
          .isCloseTo(expected, org.assertj.core.data.Offset.offset(2e-4 * Math.max(1, largest)));
    }
  }

  private static Tensor zeros(Arena arena, Tensor like) {
    return Tensor.allocate(arena, DType.F32, like.shape().toArray());
  }

  @Test
  void matmul() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, 3, 5);
      Tensor w = Numbers.random(arena, 2, 0, 4, 5);
      Tensor g = Numbers.random(arena, 3, 0, 3, 4);
      Tensor out = zeros(arena, g);
      Tensor dx = zeros(arena, x);
      Tensor dw = zeros(arena, w);
      KERNELS.matmulBackwardInput(dx, g, w);
      KERNELS.matmulBackwardWeight(dw, g, x);
      Forward forward =
          () -> {
            KERNELS.matmul(out, x, w);
            return weighted(g, out);
          };
      check("dx", forward, x, dx);
      check("dWeight", forward, w, dw);
    }
  }

  @Test
  void rmsNorm() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, 3, 6);
      Tensor w = Numbers.random(arena, 2, 0, 6);
      Tensor g = Numbers.random(arena, 3, 0, 3, 6);
      Tensor out = zeros(arena, g);
      Tensor dx = zeros(arena, x);
      Tensor dw = zeros(arena, w);
      KERNELS.rmsNormBackward(dx, dw, g, x, w, 1e-2f);
      Forward forward =
          () -> {
            KERNELS.rmsNorm(out, x, w, 1e-2f);
            return weighted(g, out);
          };
      check("dx", forward, x, dx);
      check("dWeight", forward, w, dw);
    }
  }

  @Test
  void rope() {
    try (Arena arena = Arena.ofShared()) {
      Tensor cos = Tensor.allocate(arena, DType.F32, 9, 3);
      Tensor sin = Tensor.allocate(arena, DType.F32, 9, 3);
      llada.kernel.scalar.Rope.fillTables(cos, sin, 100);
      int[] positions = {8, 3};
      for (RopeLayout layout : RopeLayout.values()) {
        for (int headDim : new int[] {6, 12}) { // all of a head, or half of it
          RopeTables tables = new RopeTables(cos, sin, headDim, layout);
          Tensor x = Numbers.random(arena, 1, 0, 2, 12);
          Tensor g = Numbers.random(arena, 3, 0, 2, 12);
          Tensor dx = Numbers.copy(arena, g);
          KERNELS.ropeBackward(dx, positions, tables);
          Forward forward =
              () -> {
                Tensor out = Numbers.copy(arena, x);
                KERNELS.rope(out, positions, tables);
                return weighted(g, out);
              };
          check(layout + " dx, D = " + headDim, forward, x, dx);
        }
      }
    }
  }

  @Test
  void addBias() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Numbers.random(arena, 1, 0, 3, 5);
      Tensor bias = Numbers.random(arena, 2, 0, 5);
      Tensor g = Numbers.random(arena, 3, 0, 3, 5);
      Tensor dBias = zeros(arena, bias);
      KERNELS.addBiasBackward(dBias, g);
      Forward forward =
          () -> {
            Tensor out = Numbers.copy(arena, x);
            KERNELS.addBias(out, bias);
            return weighted(g, out);
          };
      check("dBias", forward, bias, dBias);
      check("dx", forward, x, g);
    }
  }

  @Test
  void attention() {
    try (Arena arena = Arena.ofShared()) {
      boolean[] padding = {true, false, true, true, false, true, true, true};
      for (boolean[] visible : new boolean[][] {null, padding}) {
        AttentionShape shape = new AttentionShape(2, 4, 2);
        for (int block : new int[] {4, 3, 2, 1}) { // from one to a token each
          AttentionMask mask =
              block == 4
                  ? AttentionMask.padded(visible)
                  : AttentionMask.blocks(visible, 2, 4, block);
          Tensor q = Numbers.random(arena, 1, 0, 8, 16); // 2 sequences of 4, 4 heads of 4
          Tensor k = Numbers.random(arena, 2, 0, 8, 8); // 2 key-value heads
          Tensor v = Numbers.random(arena, 3, 0, 8, 8);
          Tensor g = Numbers.random(arena, 4, 0, 8, 16);
          Tensor out = zeros(arena, g);
          Tensor dq = zeros(arena, q);
          Tensor dk = zeros(arena, k);
          Tensor dv = zeros(arena, v);
          KERNELS.attentionBackward(dq, dk, dv, g, q, k, v, shape, mask);
          Forward forward =
              () -> {
                KERNELS.attention(out, q, k, v, shape, mask);
                return weighted(g, out);
              };
          check("dq", forward, q, dq);
          check("dk", forward, k, dk);
          check("dv", forward, v, dv);
        }
      }
    }
  }

  @Test
  void swiGlu() {
    try (Arena arena = Arena.ofShared()) {
      Tensor gate = Numbers.random(arena, 1, 0, 3, 7);
      Tensor up = Numbers.random(arena, 2, 0, 3, 7);
      Tensor g = Numbers.random(arena, 3, 0, 3, 7);
      Tensor out = zeros(arena, g);
      Tensor dGate = zeros(arena, gate);
      Tensor dUp = zeros(arena, up);
      KERNELS.swiGluBackward(dGate, dUp, g, gate, up);
      Forward forward =
          () -> {
            KERNELS.swiGlu(out, gate, up);
            return weighted(g, out);
          };
      check("dGate", forward, gate, dGate);
      check("dUp", forward, up, dUp);
    }
  }

  @Test
  void embedding() {
    try (Arena arena = Arena.ofShared()) {
      Tensor table = Numbers.random(arena, 1, 0, 5, 3);
      Tensor g = Numbers.random(arena, 2, 0, 4, 3);
      int[] ids = {4, 1, 1, 0};
      Tensor out = zeros(arena, g);
      Tensor dTable = zeros(arena, table);
      KERNELS.embeddingBackward(dTable, ids, g);
      Forward forward =
          () -> {
            KERNELS.embedding(out, ids, table);
            return weighted(g, out);
          };
      check("dTable", forward, table, dTable);
    }
  }

  /** The loss is the forward op's, after the head. */
  @Test
  void maskedCrossEntropy() {
    try (Arena arena = Arena.ofShared()) {
      Tensor hidden = Numbers.random(arena, 1, 0, 4, 5);
      Tensor head = Numbers.random(arena, 2, 0, 11, 5);
      Tensor logits = Tensor.allocate(arena, DType.F32, 4, 11);
      int[] targets = {10, 0, 3, 3};
      double[] weights = new Random(3).doubles(4).toArray();
      double[] losses = new double[4];
      Tensor dHidden = zeros(arena, hidden);
      Tensor dHead = zeros(arena, head);
      KERNELS.maskedCrossEntropyBackward(losses, dHidden, dHead, hidden, head, targets, weights);
      double[] forwardLosses = new double[4];
      Forward forward =
          () -> {
            KERNELS.matmul(logits, hidden, head);
            KERNELS.maskedCrossEntropy(forwardLosses, logits, targets, weights);
            double sum = 0;
            for (double loss : forwardLosses) {
              sum += loss;
            }
            return sum;
          };
      double sum = 0;
      for (double loss : losses) {
        sum += loss;
      }
      assertThat(sum).isCloseTo(forward.loss(), org.assertj.core.data.Offset.offset(1e-6));
      check("dHidden", forward, hidden, dHidden);
      check("dHead", forward, head, dHead);
    }
  }
}
