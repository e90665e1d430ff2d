package llada.converter;

import java.util.Arrays;
import llada.api.Engine;
import llada.checkpoint.Checkpoint;
import llada.diffusion.LikelihoodEstimator;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.MaskDraws;
import llada.kernel.Kernels;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * LLaDA's bound on the negative log-likelihood of a text, estimated with masks drawn at random.
 *
 * @param nats a token
 * @param standardError of that estimate, from the spread between pieces of text
 * @param pieces of text that were looked at
 * @param length tokens of each
 */
public record HeldOutBound(double nats, double standardError, int pieces, int length) {
  /** Masked copies of each piece. */
  private static final int ROUNDS = 4;

  /**
   * The l-form (LLaDA eq. 6) of every piece, in nats a token. The masks are always the same, so two
   * models can be compared by far smaller differences than the standard error.
   *
   * @param tokens the text, of which {@code pieces * length} are used
   */
  static HeldOutBound of(
      Checkpoint model, Kernels kernels, int[] tokens, int length, int pieces, Job job) {
    LikelihoodOptions options =
        new LikelihoodOptions(LikelihoodOptions.Form.L, ROUNDS, ROUNDS, 0, false);
    double[] bounds = new double[pieces];
    int room = LikelihoodEstimator.room(options, model.config(), length, length);
    try (Engine engine = new Engine(model.config(), model.weights(), kernels)) {
      for (int piece = 0; piece < pieces; piece++) {
        job.check();
        MaskDraws draws = MaskDraws.seeded(RandomStreams.seed(0, Purpose.ITEM, piece));
        int[] text = MaskedText.piece(tokens, piece, length);
        bounds[piece] =
            engine.with(
                room,
                predictor ->
                    new LikelihoodEstimator(predictor, model.config(), options, draws)
                        .estimate(new int[0], text)
                        .natsPerToken());
      }
    }
    double mean = Arrays.stream(bounds).average().orElseThrow();
    double squares = Arrays.stream(bounds).map(b -> (b - mean) * (b - mean)).sum();
    double error = pieces > 1 ? Math.sqrt(squares / (pieces - 1) / pieces) : Double.NaN;
    return new HeldOutBound(mean, error, pieces, length);
  }
}
