package llada.converter;

import java.util.Arrays;
import llada.checkpoint.Checkpoint;
import llada.kernel.Kernels;
import llada.model.MaskPredictor;
import llada.tensor.Tensor;

/**
 * LLaDA's bound on the negative log-likelihood of a text, estimated with masks drawn at random.
 *
 * @param nats a token
 * @param standardError of that estimate, from the spread between pieces of text
 * @param pieces of text that were looked at
 */
record HeldOutBound(double nats, double standardError, int pieces) {
  /**
   * Estimates E over l of (1 / l) sum over masked of -ln p, in nats a token. The masks depend on
   * the seed only, so two models can be compared by far smaller differences than the standard
   * error.
   *
   * @param tokens the text, of which {@code pieces * length} are used
   * @param rounds masks drawn for each piece
   */
  static HeldOutBound of(
      Checkpoint model,
      Kernels kernels,
      int[] tokens,
      int length,
      int pieces,
      int rounds,
      long seed) {
    double[] bounds = new double[pieces];
    try (MaskPredictor predictor =
        new MaskPredictor(model.config(), model.weights(), kernels, length)) {
      for (int piece = 0; piece < pieces; piece++) {
        for (int round = 0; round < rounds; round++) {
          MaskedText text = MaskedText.of(tokens, piece, length, seed + 1_000_003L * round);
          Tensor logits =
              predictor.forward(text.batch(model.config().maskTokenId()), text.masked());
          int count = text.masked().length;
          double[] weights = new double[count];
          Arrays.fill(weights, 1.0 / count / rounds);
          double[] losses = new double[count];
          kernels.maskedCrossEntropy(losses, logits, text.targets(), weights);
          bounds[piece] += Arrays.stream(losses).sum();
        }
      }
    }
    double mean = Arrays.stream(bounds).average().orElseThrow();
    double squares = Arrays.stream(bounds).map(b -> (b - mean) * (b - mean)).sum();
    double error = pieces > 1 ? Math.sqrt(squares / (pieces - 1) / pieces) : Double.NaN;
    return new HeldOutBound(mean, error, pieces);
  }
}
