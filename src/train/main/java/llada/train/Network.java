package llada.train;

import llada.diffusion.NoisyBatch;
import llada.model.LladaWeights;

/** What is trained: gives the loss of a batch and adds its gradients to those it holds. */
public interface Network extends AutoCloseable {
  /** The weights; changing them changes the network. */
  LladaWeights weights();

  /**
   * The gradients, of the same shapes and under the same names; of the low-rank terms alone where
   * there are any.
   */
  LladaWeights gradients();

  /**
   * The weighted loss of a batch; its gradients are added to {@link #gradients}.
   *
   * @param losses (R) overwritten with what each masked row adds to it
   * @throws IllegalArgumentException if the batch is larger than what the network was made for
   */
  double lossAndGradients(double[] losses, NoisyBatch batch);

  /** The weighted loss of a batch; its gradients are added to {@link #gradients}. */
  default double lossAndGradients(NoisyBatch batch) {
    return lossAndGradients(new double[batch.rows().length], batch);
  }

  /** The weighted loss of a batch alone. */
  double loss(NoisyBatch batch);

  @Override
  void close();
}
