package llada.benchmarks;

import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * (T, K) times a LLaDA-8B matrix of the attention, 4096 x 4096, or of the feed-forward network,
 * 4096 x 12288: 34 and 101 MFLOP a token.
 */
public class MatmulBenchmark extends OpBenchmark {
  /** Multiply-adds of the scalar reference that a setup can afford: about a second. */
  private static final long AFFORDABLE = 1L << 30;

  /** Type of the weights. */
  @Param({"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K"})
  public DType dtype = DType.F32;

  /** N x K. */
  @Param({"4096x4096", "4096x12288"})
  public String weightShape = "1024x4096";

  /** T. */
  @Param({"1", "8", "32", "256"})
  public int tokens = 32;

  private Tensor out;
  private Tensor x;
  private Tensor weight;

  /** Makes the input and checks the kernel: all of the output, or as many last tokens as pay. */
  @Setup
  public void setup() {
    String[] shape = weightShape.split("x", -1);
    int n = Integer.parseInt(shape[0]);
    int k = Integer.parseInt(shape[1]);
    x = Inputs.normal(arena, 1, tokens, k);
    weight = Inputs.weight(arena, dtype, n, k);
    out = Tensor.allocate(arena, DType.F32, tokens, n);
    kernels().matmul(out, x, weight);
    int checked = Math.clamp(AFFORDABLE / ((long) n * k), 1, tokens);
    Tensor expected = Tensor.allocate(arena, DType.F32, checked, n);
    REFERENCE.matmul(expected, x.rows(tokens - checked, checked), weight);
    Inputs.requireClose(out.rows(tokens - checked, checked), expected, 1e-4);
  }

  @Benchmark
  public Tensor matmul() {
    kernels().matmul(out, x, weight);
    return out;
  }
}
