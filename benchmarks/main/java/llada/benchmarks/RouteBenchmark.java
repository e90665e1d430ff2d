package llada.benchmarks;

import java.util.Arrays;
import llada.kernel.scalar.Router;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** T tokens: 8 of 256 experts each, in 4 of 8 groups, as in LLaDA2.0-mini. */
public class RouteBenchmark extends OpBenchmark {
  private static final int PER_TOKEN = 8;
  private static final Router ROUTER =
      new Router(Router.Scores.SIGMOID, Router.Bias.SELECTION, true, 2.5f, 8, 4);

  /** T. */
  @Param({"1", "32", "256"})
  public int tokens = 256;

  private int[] experts;
  private float[] weights;
  private Tensor logits;
  private Tensor bias;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    experts = new int[tokens * PER_TOKEN];
    weights = new float[experts.length];
    logits = Inputs.normal(arena, 1, tokens, 256);
    bias = Inputs.normal(arena, 2, 256);
    int[] expected = new int[experts.length];
    float[] expectedWeights = new float[weights.length];
    REFERENCE.route(expected, expectedWeights, logits, bias, PER_TOKEN, ROUTER);
    if (!Arrays.equals(route(), expected) || !Arrays.equals(weights, expectedWeights)) {
      throw new IllegalStateException("the kernel routes otherwise than the reference");
    }
  }

  @Benchmark
  public int[] route() {
    kernels().route(experts, weights, logits, bias, PER_TOKEN, ROUTER);
    return experts;
  }
}
