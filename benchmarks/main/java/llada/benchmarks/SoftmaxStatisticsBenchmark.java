package llada.benchmarks;

import java.util.Arrays;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.SoftmaxStatistics;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Rows of LLaDA-8B's vocabulary of 126464, half a megabyte each. */
public class SoftmaxStatisticsBenchmark extends OpBenchmark {
  static final int V = 126464;

  /** R, the masked positions. */
  @Param({"1", "32", "256"})
  public int rows = 1;

  private Tensor logits;
  private Exclusions exclusions;
  private SoftmaxStatistics.Rows out;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    logits = Inputs.normal(arena, 1, rows, V);
    exclusions = new Exclusions(V - 100, new int[] {V - 200}, new int[] {});
    out = new SoftmaxStatistics.Rows(rows);
    kernels().softmaxStatistics(out, logits, exclusions);
    SoftmaxStatistics.Rows expected = new SoftmaxStatistics.Rows(rows);
    REFERENCE.softmaxStatistics(expected, logits, exclusions);
    if (!Arrays.equals(out.argMax, expected.argMax)) {
      throw new IllegalStateException("the kernel gives another arg max");
    }
    Inputs.requireClose(out.sum, expected.sum, 1e-5);
    Inputs.requireClose(out.entropy, expected.entropy, 1e-5);
    Inputs.requireClose(out.margin, expected.margin, 1e-5);
  }

  @Benchmark
  public SoftmaxStatistics.Rows softmaxStatistics() {
    kernels().softmaxStatistics(out, logits, exclusions);
    return out;
  }
}
