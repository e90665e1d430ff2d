package llada.benchmarks;

import java.util.Arrays;
import llada.diffusion.RandomSource;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.GumbelMax;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Tokens drawn from 32 rows of LLaDA-8B's vocabulary, with the sampler's own noise. */
public class GumbelMaxBenchmark extends OpBenchmark {
  private static final int ROWS = 32;
  private static final int V = SoftmaxStatisticsBenchmark.V;

  /** Below about a tenth, most noise is too small to be drawn. */
  @Param({"0.05", "0.7"})
  public double temperature = 0.7;

  private final Exclusions exclusions = Exclusions.none(V);
  private final int[] tokens = new int[ROWS];
  private final RandomSource random = RandomSource.seeded(1);
  private final GumbelMax.Noise noise =
      (u, row, first, count) -> random.noise(u, 0, 0, row, first, count);
  private Tensor logits;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    logits = Inputs.normal(arena, 1, ROWS, V);
    kernels().gumbelMax(tokens, logits, exclusions, temperature, noise);
    int[] expected = new int[ROWS];
    REFERENCE.gumbelMax(expected, logits, exclusions, temperature, noise);
    if (!Arrays.equals(tokens, expected)) {
      throw new IllegalStateException("the kernel draws other tokens");
    }
  }

  @Benchmark
  public int[] gumbelMax() {
    kernels().gumbelMax(tokens, logits, exclusions, temperature, noise);
    return tokens;
  }
}
