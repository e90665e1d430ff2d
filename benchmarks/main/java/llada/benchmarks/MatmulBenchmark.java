package llada.benchmarks;

import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** (T, 4096) times a slice of 1024 rows of a LLaDA-8B matrix: 8.4 MFLOP a token. */
public class MatmulBenchmark extends OpBenchmark {
  /** Type of the weights. */
  @Param({"F32", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"})
  public DType dtype = DType.F32;

  /** T. */
  @Param({"32", "256"})
  public int tokens = 32;

  private Tensor out;
  private Tensor x;
  private Tensor weight;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    x = Inputs.normal(arena, 1, tokens, 4096);
    weight = Inputs.weight(arena, dtype, 1024, 4096);
    out = Tensor.allocate(arena, DType.F32, tokens, 1024);
    kernels().matmul(out, x, weight);
    Tensor expected = Tensor.allocate(arena, DType.F32, 1, 1024);
    REFERENCE.matmul(expected, x.rows(tokens - 1, 1), weight);
    Inputs.requireClose(out.rows(tokens - 1, 1), expected, 1e-4);
  }

  @Benchmark
  public Tensor matmul() {
    kernels().matmul(out, x, weight);
    return out;
  }
}
