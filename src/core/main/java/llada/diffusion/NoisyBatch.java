package llada.diffusion;

import java.util.Arrays;
import java.util.stream.IntStream;
import llada.model.TokenBatch;

/**
 * A batch after the forward process: what the network sees, and what it is to say about it. The
 * loss is the sum over r of weights[r] * CE(logits[rows[r]], targets[r]).
 *
 * @param xt (B, T) partly masked
 * @param rows (R) the masked positions as rows of the flattened batch
 * @param targets (R) what stood there
 * @param weights (R) such that the weighted sum is the published loss
 * @param pMask (B) the probability with which each sequence was masked
 * @param causal whether a position may only attend to those before it
 */
public record NoisyBatch(
    TokenBatch xt, int[] rows, int[] targets, double[] weights, float[] pMask, boolean causal) {

  /** Tokens that the network sees, padding included. */
  public int tokens() {
    return xt.size() * xt.length();
  }

  /**
   * Some of its sequences, with their weights as they are: the losses of parts add up to that of
   * the whole.
   *
   * @param from first sequence
   * @param to behind the last
   */
  public NoisyBatch part(int from, int to) {
    int length = xt.length();
    int[] chosen =
        IntStream.range(0, rows.length)
            .filter(r -> rows[r] >= from * length && rows[r] < to * length)
            .toArray();
    return new NoisyBatch(
        xt.part(from, to),
        IntStream.of(chosen).map(r -> rows[r] - from * length).toArray(),
        IntStream.of(chosen).map(r -> targets[r]).toArray(),
        IntStream.of(chosen).mapToDouble(r -> weights[r]).toArray(),
        Arrays.copyOfRange(pMask, from, to),
        causal);
  }
}
