package llada.benchmarks;

import java.util.stream.IntStream;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** 256 tokens from a table of 4096 channels, as in LLaDA-8B, but of 8192 rows. */
public class EmbeddingBenchmark extends OpBenchmark {
  private static final int V = 8192;
  private static final int C = 4096;

  /** Type of the table. */
  @Param({"F32", "BF16", "Q8_0", "Q4_K"})
  public DType dtype = DType.F32;

  private final int[] ids = IntStream.range(0, 256).map(t -> t * 7919 % V).toArray();
  private Tensor table;
  private Tensor out;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    table = Inputs.weight(arena, dtype, V, C);
    out = Tensor.allocate(arena, DType.F32, ids.length, C);
    Tensor expected = Tensor.allocate(arena, DType.F32, ids.length, C);
    kernels().embedding(out, ids, table);
    REFERENCE.embedding(expected, ids, table);
    Inputs.requireClose(out, expected, 0);
  }

  @Benchmark
  public Tensor embedding() {
    kernels().embedding(out, ids, table);
    return out;
  }
}
