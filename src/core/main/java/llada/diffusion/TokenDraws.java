package llada.diffusion;

import llada.model.LladaConfig;
import llada.model.Predictor;
import llada.tensor.Tensor;

/**
 * A token for each row of logits, and its probability: the likeliest, or one drawn from the
 * distribution that temperature, top-k and top-p leave, of which the probability is then, too.
 */
final class TokenDraws {
  private final Proposals likeliest;
  private final RowProposals drawn; // null at temperature 0
  private final double[] row;
  private int[] tokens = {};
  private double[] probabilities = {};

  TokenDraws(Predictor predictor, LladaConfig config, SamplerOptions options, RandomSource random) {
    boolean greedy = options.temperature() == 0;
    SamplerOptions plain = options.toBuilder().temperature(0).topK(0).topP(1).build();
    this.likeliest =
        new Proposals(plain, config, random, predictor.kernels(), new Guidance(predictor, 0));
    this.drawn = greedy ? null : new RowProposals(options, config, random);
    this.row = new double[greedy ? 0 : config.embeddingSize()];
  }

  /**
   * Proposes.
   *
   * @param logits (n, V)
   * @param positions (n) of the one sequence
   * @param length T
   * @param step counted over the generation
   * @throws NonFiniteLogitsException if a logit is NaN or infinite
   */
  void propose(Tensor logits, int[] positions, int length, int step) {
    tokens = new int[positions.length];
    probabilities = new double[positions.length];
    if (drawn == null) {
      likeliest.propose(logits, positions, length, step);
    }
    for (int r = 0; r < positions.length; r++) {
      if (drawn == null) {
        tokens[r] = likeliest.token(r);
        probabilities[r] = likeliest.confidence(r);
      } else {
        for (int v = 0; v < row.length; v++) {
          row[v] = logits.get((long) r * row.length + v);
        }
        Proposal proposal = drawn.draw(row, step, positions[r]);
        tokens[r] = proposal.token();
        probabilities[r] = proposal.score();
      }
    }
  }

  int token(int r) {
    return tokens[r];
  }

  double probability(int r) {
    return probabilities[r];
  }
}
