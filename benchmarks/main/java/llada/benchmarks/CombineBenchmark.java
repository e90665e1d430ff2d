package llada.benchmarks;

import java.util.Random;
import llada.kernel.scalar.ExpertOrder;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** (T, 2048) from the rows of 8 of 256 experts a token, as in LLaDA2.0-mini. */
public class CombineBenchmark extends OpBenchmark {
  private static final int PER_TOKEN = 8;

  /** T. */
  @Param({"1", "32", "256"})
  public int tokens = 256;

  private final ExpertOrder order = new ExpertOrder(256);
  private float[] weights;
  private Tensor out;
  private Tensor y;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    Random random = new Random(1);
    weights = new float[tokens * PER_TOKEN];
    order.sort(random.ints(weights.length, 0, 256).toArray(), PER_TOKEN);
    for (int i = 0; i < weights.length; i++) {
      weights[i] = random.nextFloat();
    }
    y = Inputs.normal(arena, 2, weights.length, 2048);
    out = Tensor.allocate(arena, DType.F32, tokens, 2048);
    Tensor expected = Tensor.allocate(arena, DType.F32, tokens, 2048);
    REFERENCE.combine(expected, y, order.places(), weights);
    Inputs.requireClose(combine(), expected, 0);
  }

  @Benchmark
  public Tensor combine() {
    kernels().combine(out, y, order.places(), weights);
    return out;
  }
}
