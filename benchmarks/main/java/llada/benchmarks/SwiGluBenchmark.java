package llada.benchmarks;

import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** (256, 12288), as in LLaDA-8B. */
public class SwiGluBenchmark extends OpBenchmark {
  private Tensor out;
  private Tensor gate;
  private Tensor up;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    gate = Inputs.normal(arena, 1, 256, 12288);
    up = Inputs.normal(arena, 2, 256, 12288);
    out = Tensor.allocate(arena, DType.F32, 256, 12288);
    Tensor expected = Tensor.allocate(arena, DType.F32, 256, 12288);
    kernels().swiGlu(out, gate, up);
    REFERENCE.swiGlu(expected, gate, up);
    Inputs.requireClose(out, expected, 1e-5);
  }

  @Benchmark
  public Tensor swiGlu() {
    kernels().swiGlu(out, gate, up);
    return out;
  }
}
