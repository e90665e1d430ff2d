package llada.benchmarks;

import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** (T, 4096), as in LLaDA-8B. The stream is fed zeros, so that it stays what it is. */
public class ResidualBenchmark extends OpBenchmark {
  /** T. */
  @Param({"1", "32", "256"})
  public int tokens = 256;

  private Tensor x;
  private Tensor zeros;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    x = Inputs.normal(arena, 1, tokens, 4096);
    zeros = Tensor.allocate(arena, DType.F32, tokens, 4096);
    Tensor delta = Inputs.normal(arena, 2, tokens, 4096);
    Tensor expected = Tensor.of(arena, x.toArray(), tokens, 4096);
    kernels().residual(x, x, delta);
    REFERENCE.residual(expected, expected, delta);
    Inputs.requireClose(x, expected, 0);
  }

  @Benchmark
  public Tensor residual() {
    kernels().residual(x, x, zeros);
    return x;
  }
}
