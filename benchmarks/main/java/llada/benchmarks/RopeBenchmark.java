package llada.benchmarks;

import java.util.stream.IntStream;
import llada.kernel.scalar.Rope;
import llada.kernel.scalar.RopeLayout;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** 256 tokens of 32 heads of 128 channels, as in LLaDA-8B. */
public class RopeBenchmark extends OpBenchmark {
  /** The order of the channels as they come. */
  @Param({"HALF_SPLIT", "INTERLEAVED"})
  public RopeLayout layout = RopeLayout.INTERLEAVED;

  private final int[] positions = IntStream.range(0, 256).toArray();
  private Tensor x;
  private Tensor cos;
  private Tensor sin;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    cos = Tensor.allocate(arena, DType.F32, 256, 64);
    sin = Tensor.allocate(arena, DType.F32, 256, 64);
    Rope.fillTables(cos, sin, 500000);
    x = Inputs.normal(arena, 1, 256, 4096);
    Tensor expected = Tensor.of(arena, x.toArray(), 256, 4096);
    kernels().rope(x, positions, cos, sin, layout);
    REFERENCE.rope(expected, positions, cos, sin, layout);
    Inputs.requireClose(x, expected, 1e-5);
    kernels().ropeBackward(x, positions, cos, sin, layout);
    REFERENCE.ropeBackward(expected, positions, cos, sin, layout);
    Inputs.requireClose(x, expected, 1e-5);
  }

  @Benchmark
  public Tensor rope() {
    kernels().rope(x, positions, cos, sin, layout);
    return x;
  }

  @Benchmark
  public Tensor backward() {
    kernels().ropeBackward(x, positions, cos, sin, layout);
    return x;
  }
}
