package llada.benchmarks;

import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Eight heads of 128 channels over T tokens: 2048 T^2 multiply-adds where all see all, a quarter of
 * LLaDA-8B's heads. Half of that, about, where a query sees up to the end of its block.
 */
public class AttentionBenchmark extends OpBenchmark {
  private static final int HEADS = 8;
  private static final int CHANNELS = HEADS * 128;
  private static final AttentionShape SHAPE = AttentionShape.of(HEADS, HEADS);

  /** T. */
  @Param({"256", "1024", "4096"})
  public int tokens = 64;

  /** Tokens of a block, 1 for a causal model; 0 where every query sees every key. */
  @Param({"0", "32", "1"})
  public int block = 0;

  private AttentionMask mask;
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
    mask = block == 0 ? AttentionMask.FULL : AttentionMask.blocks(null, 1, tokens, block);
    kernels().attention(out, q, k, v, SHAPE, mask);
    Tensor expected = Tensor.allocate(arena, DType.F32, 2, CHANNELS);
    REFERENCE.attention(expected, q.rows(2), k, v, SHAPE, mask.queries(new int[] {0, 1}));
    Inputs.requireClose(out.rows(2), expected, 1e-4);
  }

  @Benchmark
  public Tensor attention() {
    kernels().attention(out, q, k, v, SHAPE, mask);
    return out;
  }
}
