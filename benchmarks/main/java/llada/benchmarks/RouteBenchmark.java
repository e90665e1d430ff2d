package llada.benchmarks;

import java.util.Arrays;
import llada.kernel.scalar.Router;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** 256 tokens: 8 of 256 experts each, in 4 of 8 groups, as in LLaDA2.0-mini. */
public class RouteBenchmark extends OpBenchmark {
  private static final int TOKENS = 256;
  private static final int PER_TOKEN = 8;
  private static final Router ROUTER =
      new Router(Router.Scores.SIGMOID, Router.Bias.SELECTION, true, 2.5f, 8, 4);

  private final int[] experts = new int[TOKENS * PER_TOKEN];
  private final float[] weights = new float[TOKENS * PER_TOKEN];
  private Tensor logits;
  private Tensor bias;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    logits = Inputs.normal(arena, 1, TOKENS, 256);
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
