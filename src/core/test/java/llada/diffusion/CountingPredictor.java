package llada.diffusion;

import llada.kernel.Kernels;
import llada.model.LladaConfig;
import llada.model.PartialPass;
import llada.model.Predictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;

/** Passes on to another predictor and notes how many positions each pass computes. */
final class CountingPredictor implements Predictor {
  private final Predictor predictor;
  private int last;

  CountingPredictor(Predictor predictor) {
    this.predictor = predictor;
  }

  /** Positions of the last pass. */
  int last() {
    return last;
  }

  @Override
  public LladaConfig config() {
    return predictor.config();
  }

  @Override
  public Kernels kernels() {
    return predictor.kernels();
  }

  @Override
  public Tensor forward(TokenBatch batch, int[] rows) {
    last = batch.size() * batch.length();
    return predictor.forward(batch, rows);
  }

  @Override
  public Tensor forward(TokenBatch batch, PartialPass pass, int[] rows) {
    last = pass.size();
    return predictor.forward(batch, pass, rows);
  }
}
