package llada.train;

import java.lang.foreign.Arena;
import llada.diffusion.NoisyBatch;
import llada.kernel.Kernels;
import llada.model.Gradients;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.TrainablePredictor;
import llada.tensor.NativeMemory;

/** The mask predictor as what is trained. */
public final class PredictorNetwork implements Network {
  private final Arena arena = Arena.ofShared();
  private final TrainablePredictor predictor;
  private final Gradients gradients;

  /**
   * Allocates gradients and buffers.
   *
   * @param weights float32, changed by training; or of any type with low-rank terms beside them,
   *     which alone are changed
   * @param maxTokens the largest B * T of a batch
   */
  public PredictorNetwork(
      LladaConfig config,
      LladaWeights weights,
      Kernels kernels,
      int maxTokens,
      TrainablePredictor.Options options) {
    predictor = new TrainablePredictor(config, weights, kernels, maxTokens, options);
    gradients = new Gradients(weights, arena);
  }

  @Override
  public LladaWeights weights() {
    return predictor.weights();
  }

  @Override
  public LladaWeights gradients() {
    return gradients.tensors();
  }

  @Override
  public double lossAndGradients(double[] losses, NoisyBatch batch) {
    require(batch);
    if (batch.rows().length == 0) {
      return 0; // nothing was masked: a small t and a short sequence
    }
    return predictor.lossAndGradients(
        losses, batch.xt(), batch.rows(), batch.targets(), batch.weights(), gradients);
  }

  @Override
  public double loss(NoisyBatch batch) {
    require(batch);
    return batch.rows().length == 0
        ? 0
        : predictor.loss(batch.xt(), batch.rows(), batch.targets(), batch.weights());
  }

  private void require(NoisyBatch batch) {
    if (batch.causal() != predictor.options().causal()) {
      throw new IllegalArgumentException(
          "the batch asks for causal attention: %s, but the network was made for %s"
              .formatted(batch.causal(), predictor.options().causal()));
    }
  }

  @Override
  public void close() {
    predictor.close();
    NativeMemory.free(arena);
  }
}
