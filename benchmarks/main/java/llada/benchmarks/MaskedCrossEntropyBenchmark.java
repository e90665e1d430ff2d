package llada.benchmarks;

import java.util.Arrays;
import java.util.stream.IntStream;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Losses of masked positions over LLaDA-8B's vocabulary of 126464. */
public class MaskedCrossEntropyBenchmark extends OpBenchmark {
  private static final int V = SoftmaxStatisticsBenchmark.V;

  /** R, the masked positions. */
  @Param({"1", "32", "256"})
  public int rows = 1;

  private Tensor logits;
  private int[] targets;
  private double[] weights;
  private double[] losses;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    logits = Inputs.normal(arena, 1, rows, V);
    targets = IntStream.range(0, rows).map(r -> r * 397 % V).toArray();
    weights = new double[rows];
    Arrays.setAll(weights, r -> 1 + 0.1 * (r % 7));
    losses = new double[rows];
    kernels().maskedCrossEntropy(losses, logits, targets, weights);
    double[] expected = new double[rows];
    REFERENCE.maskedCrossEntropy(expected, logits, targets, weights);
    Inputs.requireClose(losses, expected, 1e-6);
  }

  @Benchmark
  public double[] maskedCrossEntropy() {
    kernels().maskedCrossEntropy(losses, logits, targets, weights);
    return losses;
  }
}
