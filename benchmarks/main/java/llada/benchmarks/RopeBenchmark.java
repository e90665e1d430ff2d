package llada.benchmarks;

import java.util.stream.IntStream;
import llada.kernel.scalar.Rope;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** T tokens of 32 heads of 128 channels, as in LLaDA-8B. */
public class RopeBenchmark extends OpBenchmark {
  /** The order of the channels as they come. */
  @Param({"HALF_SPLIT", "INTERLEAVED"})
  public RopeLayout layout = RopeLayout.INTERLEAVED;

  /** T. */
  @Param({"1", "32", "256"})
  public int tokens = 256;

  private int[] positions;
  private Tensor x;
  private RopeTables tables;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    positions = IntStream.range(0, tokens).toArray();
    Tensor cos = Tensor.allocate(arena, DType.F32, tokens, 64);
    Tensor sin = Tensor.allocate(arena, DType.F32, tokens, 64);
    Rope.fillTables(cos, sin, 500000);
    tables = RopeTables.whole(cos, sin, layout);
    x = Inputs.normal(arena, 1, tokens, 4096);
    Tensor expected = Tensor.of(arena, x.toArray(), tokens, 4096);
    kernels().rope(x, positions, tables);
    REFERENCE.rope(expected, positions, tables);
    Inputs.requireClose(x, expected, 1e-5);
    kernels().ropeBackward(x, positions, tables);
    REFERENCE.ropeBackward(expected, positions, tables);
    Inputs.requireClose(x, expected, 1e-5);
  }

  @Benchmark
  public Tensor rope() {
    kernels().rope(x, positions, tables);
    return x;
  }

  @Benchmark
  public Tensor backward() {
    kernels().ropeBackward(x, positions, tables);
    return x;
  }
}
