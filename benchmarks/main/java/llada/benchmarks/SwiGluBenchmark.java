package llada.benchmarks;

import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** (T, 12288), as in LLaDA-8B. */
public class SwiGluBenchmark extends OpBenchmark {
  /** T. */
  @Param({"1", "32", "256"})
  public int tokens = 256;

  private Tensor out;
  private Tensor gate;
  private Tensor up;
  private Tensor dGate;
  private Tensor dUp;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    gate = Inputs.normal(arena, 1, tokens, 12288);
    up = Inputs.normal(arena, 2, tokens, 12288);
    out = Tensor.allocate(arena, DType.F32, tokens, 12288);
    Tensor expected = Tensor.allocate(arena, DType.F32, tokens, 12288);
    kernels().swiGlu(out, gate, up);
    REFERENCE.swiGlu(expected, gate, up);
    Inputs.requireClose(out, expected, 1e-5);
    dGate = Tensor.allocate(arena, DType.F32, tokens, 12288);
    dUp = Tensor.allocate(arena, DType.F32, tokens, 12288);
    Tensor expectedUp = Tensor.allocate(arena, DType.F32, tokens, 12288);
    kernels().swiGluBackward(dGate, dUp, out, gate, up);
    REFERENCE.swiGluBackward(expected, expectedUp, out, gate, up);
    Inputs.requireClose(dGate, expected, 1e-5);
    Inputs.requireClose(dUp, expectedUp, 1e-5);
  }

  @Benchmark
  public Tensor swiGlu() {
    kernels().swiGlu(out, gate, up);
    return out;
  }

  @Benchmark
  public Tensor backward() {
    kernels().swiGluBackward(dGate, dUp, out, gate, up);
    return dGate;
  }
}
