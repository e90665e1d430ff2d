package llada.experiments;

import java.util.SplittableRandom;
import llada.diffusion.ForwardProcess;
import llada.diffusion.NoisyBatch;
import llada.diffusion.Objective;
import llada.model.TokenBatch;

/**
 * How an arm's sequences are masked: a share t from a range, each term weighs 1 / t. Or nothing is
 * masked, and each token predicts the next.
 *
 * @param low least share
 * @param high largest; equal to {@code low} for a fixed one, 0 for the autoregressive arm
 * @param replaced whether, as BERT has it, of ten chosen tokens one becomes a random one and one
 *     stays
 */
record Masking(String name, double low, double high, boolean replaced) {
  /** t ~ U(0, 1). */
  static final Masking LLADA = new Masking("llada", 0, 1, false);

  /** From left to right. */
  static final Masking AR = new Masking("ar", 0, 0, false);

  static Masking fixed(double share) {
    return new Masking("fixed " + share, share, share, false);
  }

  static Masking range(double low, double high) {
    return low == 0 && high == 1
        ? LLADA
        : new Masking("U(%s %s)".formatted(low, high), low, high, false);
  }

  /** BERT's 15 %, of which 80 % are masked, 10 % replaced, 10 % kept. */
  static final Masking BERT = new Masking("80/10/10", 0.15, 0.15, true);

  boolean causal() {
    return high == 0;
  }

  /** Tokens predicted of each that is seen. */
  double predicted() {
    return causal() ? 1 : (low + high) / 2;
  }

  /**
   * Masks a batch; the t of a batch are spread evenly over the range.
   *
   * @param prompts (B) tokens that are never masked, or null
   * @param mask its id; real tokens are those below
   */
  NoisyBatch noise(int[][] x0, int[] prompts, SplittableRandom random, int mask) {
    int batch = x0.length;
    float[] t = new float[batch];
    float[][] u = new float[batch][x0[0].length];
    double shift = random.nextDouble();
    for (int b = 0; b < batch; b++) {
      t[b] = (float) (low + (high - low) * Math.min((b + shift) / batch, Math.nextDown(1.0)));
      for (int i = 0; i < u[b].length; i++) {
        u[b][i] = (random.nextLong() >>> 40) * 0x1p-24f;
      }
    }
    for (int b = batch - 1; b > 0; b--) { // whichever sequence gets whichever share
      int other = random.nextInt(b + 1);
      float swap = t[b];
      t[b] = t[other];
      t[other] = swap;
    }
    Objective objective = causal() ? Objective.AR : Objective.LLADA;
    NoisyBatch noisy =
        new ForwardProcess(objective, ForwardProcess.EPS, true, mask).noise(x0, prompts, t, u);
    return replaced ? replace(noisy, random, mask) : noisy;
  }

  private static NoisyBatch replace(NoisyBatch noisy, SplittableRandom random, int mask) {
    int length = noisy.xt().length();
    int[][] ids = noisy.xt().ids();
    for (int r = 0; r < noisy.rows().length; r++) {
      int row = noisy.rows()[r];
      int lot = random.nextInt(10);
      if (lot < 2) {
        ids[row / length][row % length] = lot == 0 ? random.nextInt(mask) : noisy.targets()[r];
      }
    }
    return new NoisyBatch(
        TokenBatch.of(ids), noisy.rows(), noisy.targets(), noisy.weights(), noisy.pMask(), false);
  }

  @Override
  public String toString() {
    return name;
  }
}
