package llada.benchmarks;

import java.util.Optional;
import java.util.SplittableRandom;
import llada.checkpoint.QuantizationMix;
import llada.checkpoint.SyntheticModel;
import llada.kernel.Parallel;
import llada.model.LladaWeights;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * A pass of a small model for one caller, 4 layers of 128 channels with Q8_0 weights: 64 calls of
 * kernels, each so short that what a call costs beside its work shows.
 */
public class ForwardPassBenchmark extends OpBenchmark {
  private static final SyntheticModel MODEL =
      SyntheticModel.of(
          new SyntheticModel.Sizes(128, 4, 4, 4, 256, 512, 64),
          QuantizationMix.Q8_0,
          Optional.empty(),
          1);

  /** T. */
  @Param({"8", "64"})
  public int tokens = 8;

  private MaskPredictor predictor;
  private TokenBatch batch;

  /** Makes the model and checks one row of its logits against the reference. */
  @Setup
  public void setup() {
    LladaWeights weights = MODEL.weights(arena, Parallel.SERIAL);
    predictor = new MaskPredictor(MODEL.config(), weights, kernels(), tokens);
    SplittableRandom random = new SplittableRandom(2);
    batch = TokenBatch.of(random.ints(tokens, 0, 500).toArray());
    try (MaskPredictor reference = new MaskPredictor(MODEL.config(), weights, REFERENCE, tokens)) {
      // Activations rounded to bytes move a logit by a hundredth or two.
      Inputs.requireClose(forward(), reference.forward(batch, new int[] {tokens - 1}), 0.05);
    }
  }

  @Benchmark
  public Tensor forward() {
    return predictor.forward(batch, new int[] {tokens - 1});
  }

  @Override
  public void close() {
    predictor.close();
    super.close();
  }
}
