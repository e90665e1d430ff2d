package llada.benchmarks;

import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Both gradients of (2048, K) times (N, K), the matrices of a small model in training. */
public class MatmulBackwardBenchmark extends OpBenchmark {
  /** N x K. */
  @Param({"256x256", "704x256", "256x704"})
  public String weightShape = "256x256";

  /** T. */
  @Param("2048")
  public int tokens = 64;

  private Tensor dOut;
  private Tensor x;
  private Tensor weight;
  private Tensor dx;
  private Tensor dWeight;

  /** Makes the input and checks the kernels: the last tokens of dx, and dWeight of them alone. */
  @Setup
  public void setup() {
    String[] shape = weightShape.split("x", -1);
    int n = Integer.parseInt(shape[0]);
    int k = Integer.parseInt(shape[1]);
    dOut = Inputs.normal(arena, 1, tokens, n);
    x = Inputs.normal(arena, 2, tokens, k);
    weight = Inputs.normal(arena, 3, n, k);
    dx = Tensor.allocate(arena, DType.F32, tokens, k);
    dWeight = Tensor.allocate(arena, DType.F32, n, k);
    int checked = Math.min(64, tokens);
    Tensor lastOut = dOut.rows(tokens - checked, checked);
    Tensor lastX = x.rows(tokens - checked, checked);
    Tensor expected = Tensor.allocate(arena, DType.F32, checked, k);
    kernels().matmulBackwardInput(dx, dOut, weight);
    REFERENCE.matmulBackwardInput(expected, lastOut, weight);
    Inputs.requireClose(dx.rows(tokens - checked, checked), expected, 1e-5);
    Tensor expectedWeight = Tensor.allocate(arena, DType.F32, n, k);
    kernels().matmulBackwardWeight(dWeight, lastOut, lastX);
    REFERENCE.matmulBackwardWeight(expectedWeight, lastOut, lastX);
    Inputs.requireClose(dWeight, expectedWeight, 1e-5);
    dWeight.data().fill((byte) 0);
  }

  @Benchmark
  public Tensor input() {
    kernels().matmulBackwardInput(dx, dOut, weight);
    return dx;
  }

  @Benchmark
  public Tensor weight() {
    kernels().matmulBackwardWeight(dWeight, dOut, x);
    return dWeight;
  }
}
