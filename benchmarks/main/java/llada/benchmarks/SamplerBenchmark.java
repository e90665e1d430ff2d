package llada.benchmarks;

import java.util.OptionalInt;
import llada.diffusion.DiffusionSampler;
import llada.diffusion.Generation;
import llada.diffusion.RandomSource;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.MaskPredictor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * One step over 32 masked positions with LLaDA-8B's vocabulary of 126464. The network before it is
 * as small as can be (16 channels, one layer), so that the time is the sampler's.
 */
public class SamplerBenchmark extends OpBenchmark {
  private static final int V = 126464;
  private static final int C = 16;

  /** 0 is greedy; above, each logit gets its noise. */
  @Param({"0", "0.7"})
  public double temperature = 0;

  /** What the positions are ranked by. */
  @Param({"LOW_CONFIDENCE", "ENTROPY"})
  public Remasking remasking = Remasking.LOW_CONFIDENCE;

  private DiffusionSampler sampler;
  private SamplerOptions options;

  /** Makes the network and checks that a step fills in what it should. */
  @Setup
  public void setup() {
    LladaConfig config =
        new LladaConfig(
            C,
            1,
            1,
            1,
            C,
            V,
            V,
            128,
            1e4,
            1e-5,
            true,
            V - 1,
            0,
            0,
            OptionalInt.empty(),
            OptionalInt.empty());
    LladaWeights weights =
        LladaWeights.make(
            config,
            row -> Inputs.normal(arena, row.part().name().hashCode(), row.shape().toArray()));
    sampler = new DiffusionSampler(new MaskPredictor(config, weights, kernels(), 64), config);
    options =
        SamplerOptions.defaults().toBuilder()
            .lengths(1, 32, 32)
            .temperature(temperature)
            .remasking(remasking)
            .build();
    for (int token : step().answer(0)) {
      if (token == config.maskTokenId()) {
        throw new IllegalStateException("a position was left masked");
      }
    }
  }

  @Benchmark
  public Generation step() {
    return sampler.generate(
        new int[][] {{1, 2, 3}}, null, options, RandomSource.seeded(1), StepListener.NONE);
  }
}
