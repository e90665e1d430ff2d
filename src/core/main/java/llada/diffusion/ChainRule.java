package llada.diffusion;

import java.util.Arrays;
import java.util.stream.IntStream;
import llada.model.LladaConfig;
import llada.model.Predictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;

/**
 * The likelihood of an answer under a model that writes from left to right: exact, from one pass.
 *
 * <pre>
 *   ln p(r | p) = sum over i of ln p(r_i | p, r_0 .. r_i-1)
 * </pre>
 */
final class ChainRule {
  private final Predictor predictor;
  private final LladaConfig config;

  ChainRule(Predictor predictor, LladaConfig config) {
    this.predictor = predictor;
    this.config = config;
  }

  /**
   * Computes.
   *
   * @param prompt (P); where it is empty the text begins with the start token
   * @param answer (L)
   */
  LogLikelihood logLikelihood(int[] prompt, int[] answer) {
    Tensor logits = logits(prompt, answer);
    double[] losses = new double[answer.length];
    double[] ones = new double[answer.length];
    Arrays.fill(ones, 1);
    predictor.kernels().maskedCrossEntropy(losses, logits, answer, ones);
    for (int i = 0; i < losses.length; i++) {
      if (!Double.isFinite(losses[i])) {
        throw new NonFiniteLogitsException(losses[i], answer[i], prompt.length + i, 0);
      }
    }
    return new LogLikelihood(-Arrays.stream(losses).sum(), 0, answer.length, 1);
  }

  /** Whether each token of the answer is the likeliest after those before it. */
  boolean isGreedy(int[] prompt, int[] answer) {
    Tensor logits = logits(prompt, answer);
    int vocabulary = logits.dim(1);
    double[] row = new double[vocabulary];
    for (int i = 0; i < answer.length; i++) {
      long first = (long) i * vocabulary;
      Arrays.setAll(row, v -> logits.get(first + v));
      int likeliest = Softmax.likeliest(row);
      if (!Double.isFinite(Softmax.logSumExp(row))) {
        throw new NonFiniteLogitsException(row[likeliest], likeliest, prompt.length + i, 0);
      }
      if (likeliest != answer[i]) {
        return false;
      }
    }
    return true;
  }

  /** (L, V) of each token of the answer; the last token is not read. */
  private Tensor logits(int[] prompt, int[] answer) {
    int[] before = prompt.length > 0 ? prompt : new int[] {config.bosTokenId().orElseThrow()};
    int[] x = Arrays.copyOf(before, before.length + answer.length - 1);
    System.arraycopy(answer, 0, x, before.length, answer.length - 1);
    int[] rows = IntStream.range(before.length - 1, x.length).toArray();
    return predictor.forward(TokenBatch.of(x), rows);
  }
}
