package llada.benchmarks;

import java.util.Arrays;
import java.util.stream.IntStream;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Loss and gradients of masked positions, head included: 8192 tokens of 256 channels. */
public class MaskedCrossEntropyBackwardBenchmark extends OpBenchmark {
  private static final int V = 8192;
  private static final int C = 256;

  /** R, the masked positions. */
  @Param("1024")
  public int rows = 8;

  private Tensor hidden;
  private Tensor head;
  private Tensor dHidden;
  private Tensor dHead;
  private int[] targets;
  private double[] weights;
  private double[] losses;

  /** Makes the input and checks the kernel on its first rows. */
  @Setup
  public void setup() {
    hidden = Inputs.normal(arena, 1, rows, C);
    head = Inputs.normal(arena, 2, V, C);
    for (long i = 0; i < head.shape().elements(); i++) {
      head.set(i, head.get(i) / 16); // logits of ordinary size
    }
    dHidden = Tensor.allocate(arena, DType.F32, rows, C);
    dHead = Tensor.allocate(arena, DType.F32, V, C);
    int checked = Math.min(8, rows);
    targets = IntStream.range(0, checked).map(r -> r * 397 % V).toArray();
    weights = new double[checked];
    Arrays.setAll(weights, r -> 1 + 0.1 * (r % 7));
    losses = new double[checked];
    double[] expectedLosses = new double[checked];
    Tensor expected = Tensor.allocate(arena, DType.F32, checked, C);
    Tensor expectedHead = Tensor.allocate(arena, DType.F32, V, C);
    Tensor first = dHidden.rows(checked);
    kernels()
        .maskedCrossEntropyBackward(
            losses, first, dHead, hidden.rows(checked), head, targets, weights);
    REFERENCE.maskedCrossEntropyBackward(
        expectedLosses, expected, expectedHead, hidden.rows(checked), head, targets, weights);
    Inputs.requireClose(losses, expectedLosses, 1e-5);
    Inputs.requireClose(first, expected, 1e-4);
    Inputs.requireClose(dHead, expectedHead, 1e-4);
    targets = IntStream.range(0, rows).map(r -> r * 397 % V).toArray();
    weights = new double[rows];
    Arrays.fill(weights, 1.0 / rows);
    losses = new double[rows];
  }

  @Benchmark
  public double[] backward() {
    kernels().maskedCrossEntropyBackward(losses, dHidden, dHead, hidden, head, targets, weights);
    return losses;
  }
}
