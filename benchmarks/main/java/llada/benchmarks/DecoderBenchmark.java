package llada.benchmarks;

import java.util.OptionalInt;
import java.util.SplittableRandom;
import llada.diffusion.Decoder;
import llada.diffusion.DecoderText;
import llada.diffusion.DiffusionSampler;
import llada.diffusion.Generation;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.kernel.Kernels;
import llada.model.LladaConfig;
import llada.model.PartialPass;
import llada.model.Predictor;
import llada.model.TokenBatch;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * A step of each decoder without the model: what a cache policy and a rule cost by themselves. The
 * predictor gives the same logits always, 32 rows of 8192, in which one token leads by a little; so
 * that no decoder can be quicker by taking fewer steps, thresholds are out of reach.
 */
public class DecoderBenchmark extends OpBenchmark {
  private static final int V = 8192;
  private static final int BLOCK = 32;

  /** Which positions are computed. */
  @Param({"none", "prefix", "dual", "dkv", "dllm"})
  public String cache = "dual";

  /** Which proposals are committed. */
  @Param({
    "quota",
    "threshold=1",
    "factor=0.000001",
    "eb=0",
    "klass=1,0.000001,2",
    "remdm-cap=0.008"
  })
  public String commit = "threshold=1";

  private DiffusionSampler sampler;
  private SamplerOptions options;

  /** Logits that were made beforehand. */
  private final class Stub implements Predictor {
    private final Tensor logits = Tensor.allocate(arena, DType.F32, BLOCK, V);
    private final LladaConfig config =
        new LladaConfig(
            32,
            1,
            1,
            1,
            32,
            V,
            V,
            512,
            1e4,
            1e-5,
            true,
            V - 1,
            0,
            0,
            OptionalInt.empty(),
            OptionalInt.empty());

    Stub() {
      SplittableRandom random = new SplittableRandom(1);
      for (long i = 0; i < (long) BLOCK * V; i++) {
        logits.set(i, (float) random.nextDouble(i % V == 7 ? 4 : -2, i % V == 7 ? 5 : 2));
      }
    }

    @Override
    public LladaConfig config() {
      return config;
    }

    @Override
    public Kernels kernels() {
      return DecoderBenchmark.this.kernels();
    }

    @Override
    public Tensor forward(TokenBatch batch, int[] rows) {
      return logits.rows(rows.length);
    }

    @Override
    public Tensor forward(TokenBatch batch, PartialPass pass, int[] rows) {
      return logits.rows(rows.length);
    }
  }

  /** Checks that a generation takes a step for each token and leaves no mask. */
  @Setup
  public void setup() {
    Stub stub = new Stub();
    sampler = new DiffusionSampler(stub, stub.config());
    options =
        SamplerOptions.defaults().toBuilder()
            .lengths(BLOCK, BLOCK, BLOCK)
            .decoder(new Decoder(DecoderText.cache(cache), DType.F32, DecoderText.commit(commit)))
            .build();
    Generation generation = block();
    if (generation.steps() != BLOCK) {
      throw new IllegalStateException("took %d steps".formatted(generation.steps()));
    }
    for (int token : generation.answer(0)) {
      if (token != 7) {
        throw new IllegalStateException("token %d was committed".formatted(token));
      }
    }
  }

  /** A block of 32 tokens in 32 steps, behind a prompt of 128. */
  @Benchmark
  @OperationsPerInvocation(BLOCK)
  public Generation block() {
    return sampler.generate(
        new int[][] {new int[128]}, null, options, RandomSource.seeded(1), StepListener.NONE);
  }
}
