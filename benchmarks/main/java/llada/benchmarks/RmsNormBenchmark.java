package llada.benchmarks;

import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** (T, 4096), as in LLaDA-8B. */
public class RmsNormBenchmark extends OpBenchmark {
  /** T. */
  @Param({"1", "32", "256"})
  public int tokens = 256;

  private Tensor out;
  private Tensor x;
  private Tensor weight;
  private Tensor dx;
  private Tensor dWeight;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    x = Inputs.normal(arena, 1, tokens, 4096);
    weight = Inputs.normal(arena, 2, 4096);
    out = Tensor.allocate(arena, DType.F32, tokens, 4096);
    Tensor expected = Tensor.allocate(arena, DType.F32, tokens, 4096);
    kernels().rmsNorm(out, x, weight, 1e-5f);
    REFERENCE.rmsNorm(expected, x, weight, 1e-5f);
    Inputs.requireClose(out, expected, 1e-4);
    dx = Tensor.allocate(arena, DType.F32, tokens, 4096);
    dWeight = Tensor.allocate(arena, DType.F32, 4096);
    Tensor expectedX = Tensor.allocate(arena, DType.F32, tokens, 4096);
    Tensor expectedWeight = Tensor.allocate(arena, DType.F32, 4096);
    kernels().rmsNormBackward(dx, dWeight, out, x, weight, 1e-5f);
    REFERENCE.rmsNormBackward(expectedX, expectedWeight, out, x, weight, 1e-5f);
    Inputs.requireClose(dx, expectedX, 1e-4);
    Inputs.requireClose(dWeight, expectedWeight, 1e-4);
  }

  @Benchmark
  public Tensor rmsNorm() {
    kernels().rmsNorm(out, x, weight, 1e-5f);
    return out;
  }

  @Benchmark
  public Tensor backward() {
    kernels().rmsNormBackward(dx, dWeight, out, x, weight, 1e-5f);
    return dx;
  }
}
