package llada.benchmarks;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import llada.kernel.scalar.ExpertOrder;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * One matrix of each expert, 512 x 2048 as in LLaDA2.0-mini: 8 of 256 experts a token, chosen
 * evenly. With 32 tokens about 160 experts are read for 1.6 rows each, and memory is the limit.
 */
public class ExpertMatmulBenchmark extends OpBenchmark {
  private static final int PER_TOKEN = 8;

  /** Type of the weights. */
  @Param({"Q4_0", "Q8_0", "Q4_K", "BF16"})
  public DType dtype = DType.Q4_0;

  /** E. */
  @Param("256")
  public int experts = 16;

  /** T. */
  @Param({"1", "32", "256"})
  public int tokens = 4;

  private Tensor out;
  private Tensor x;
  private List<Tensor> weights;
  private final ExpertOrder order = new ExpertOrder(256);

  /** Makes the input and checks that each expert's rows are those of a matmul of their own. */
  @Setup
  public void setup() {
    int rows = tokens * PER_TOKEN;
    x = Inputs.normal(arena, 1, rows, 2048);
    out = Tensor.allocate(arena, DType.F32, rows, 512);
    Tensor all = Inputs.weight(arena, dtype, 512L * experts, 2048);
    weights = IntStream.range(0, 256).mapToObj(e -> all.rows(e % experts * 512L, 512)).toList();
    order.sort(new Random(2).ints(rows, 0, 256).toArray(), PER_TOKEN);
    expertMatmul();
    int[] offsets = order.offsets();
    for (int e = 0; e < weights.size(); e++) {
      int count = offsets[e + 1] - offsets[e];
      if (count > 0) {
        Tensor expected = Tensor.allocate(arena, DType.F32, count, 512);
        kernels().matmul(expected, x.rows(offsets[e], count), weights.get(e));
        Inputs.requireClose(out.rows(offsets[e], count), expected, 0);
      }
    }
  }

  @Benchmark
  public Tensor expertMatmul() {
    kernels().expertMatmul(out, x, weights, order.offsets());
    return out;
  }
}
