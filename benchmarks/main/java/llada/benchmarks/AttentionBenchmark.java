package llada.benchmarks;

import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Eight heads of 128 channels over T tokens: 2048 T^2 multiply-adds, a quarter of LLaDA-8B's heads.
 */
public class AttentionBenchmark extends OpBenchmark {
  private static final int HEADS = 8;
  private static final int CHANNELS = HEADS * 128;

  /** T. */
  @Param({"256", "1024", "4096"})
  public int tokens = 64;

  private Tensor out;
  private Tensor q;
  private Tensor k;
  private Tensor v;

  /** Makes the input and checks the kernel on its first queries. */
  @Setup
  public void setup() {
    q = Inputs.normal(arena, 1, tokens, CHANNELS);
    k = Inputs.normal(arena, 2, tokens, CHANNELS);
    v = Inputs.normal(arena, 3, tokens, CHANNELS);
    out = Tensor.allocate(arena, DType.F32, tokens, CHANNELS);
    kernels().attention(out, q, k, v, null, 1, HEADS, HEADS);
    Tensor expected = Tensor.allocate(arena, DType.F32, 2, CHANNELS);
    REFERENCE.attention(expected, q.rows(2), k, v, null, 1, HEADS, HEADS);
    Inputs.requireClose(out.rows(2), expected, 1e-4);
  }

  @Benchmark
  public Tensor attention() {
    kernels().attention(out, q, k, v, null, 1, HEADS, HEADS);
    return out;
  }
}
