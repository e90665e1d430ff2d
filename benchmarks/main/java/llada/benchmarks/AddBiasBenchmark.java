package llada.benchmarks;

import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** (T, 4096). The bias that is measured is zero, so that the input stays what it is. */
public class AddBiasBenchmark extends OpBenchmark {
  /** T. */
  @Param({"1", "32", "256"})
  public int tokens = 256;

  private Tensor x;
  private Tensor zeros;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    x = Inputs.normal(arena, 1, tokens, 4096);
    zeros = Tensor.allocate(arena, DType.F32, 4096);
    Tensor bias = Inputs.normal(arena, 2, 4096);
    Tensor expected = Tensor.of(arena, x.toArray(), tokens, 4096);
    kernels().addBias(x, bias);
    REFERENCE.addBias(expected, bias);
    Inputs.requireClose(x, expected, 0);
  }

  @Benchmark
  public Tensor addBias() {
    kernels().addBias(x, zeros);
    return x;
  }
}
