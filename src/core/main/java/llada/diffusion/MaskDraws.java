package llada.diffusion;

import java.util.SplittableRandom;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * The random choices of a likelihood estimate, addressed by what they are for. They do not depend
 * on the text: two answers of the same length, or two models, that are estimated with the same
 * draws see the same masks, and much of the noise leaves their difference (the shared samples of
 * VRPO, LLaDA 1.5 sec. 3.2, there called antithetic).
 */
public interface MaskDraws {
  /**
   * Uniform in 1 to {@code length}: the number of masks of the first copy of a batch, which settles
   * those of the others. Only the l-form asks.
   */
  int first(int batch, int length);

  /**
   * A uniform permutation of 0 to {@code length} - 1: token i of the answer is masked if its number
   * is below the number of masks. Only the l-form asks.
   */
  int[] permutation(int batch, int copy, int length);

  /**
   * Uniform in (0, 1): {@code length} + 1 numbers. A token is masked where its number is below t,
   * the last one shifts t. Only the t-form asks.
   */
  double[] uniforms(int batch, int copy, int length);

  /** Draws that follow from a seed. */
  static MaskDraws seeded(long seed) {
    return new MaskDraws() {
      @Override
      public int first(int batch, int length) {
        return 1 + stream(batch, -1).nextInt(length);
      }

      @Override
      public int[] permutation(int batch, int copy, int length) {
        SplittableRandom random = stream(batch, copy);
        int[] permutation = new int[length];
        for (int i = 0; i < length; i++) { // Fisher and Yates, inside out
          int j = random.nextInt(i + 1);
          permutation[i] = permutation[j];
          permutation[j] = i;
        }
        return permutation;
      }

      @Override
      public double[] uniforms(int batch, int copy, int length) {
        SplittableRandom random = stream(batch, copy);
        double[] uniforms = new double[length + 1];
        for (int i = 0; i <= length; i++) {
          uniforms[i] = random.nextDouble(Double.MIN_VALUE, 1);
        }
        return uniforms;
      }

      private SplittableRandom stream(int batch, int copy) {
        return RandomStreams.of(seed, Purpose.LIKELIHOOD, batch, copy);
      }
    };
  }
}
