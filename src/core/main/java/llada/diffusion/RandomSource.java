package llada.diffusion;

import static llada.kernel.scalar.GumbelMax.Noise.uniform;

import java.util.Arrays;
import java.util.OptionalLong;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * The random numbers of a generation, addressed by what they are for and not by the order of
 * asking. So only those that are needed get computed, and threads cannot change a result.
 */
public interface RandomSource {
  /**
   * Uniform in (0, 1): the Gumbel noise of one token at one position.
   *
   * @param step counted over all blocks, from 0
   * @param sequence which of the batch
   * @param position in the sequence, prompt included
   */
  double noise(int step, int sequence, int position, int token);

  /**
   * The numbers of {@link #noise(int, int, int, int)} for {@code count} tokens from {@code
   * firstToken}, in {@code u} from index 0. Called from several threads at once.
   */
  default void noise(double[] u, int step, int sequence, int position, int firstToken, int count) {
    for (int i = 0; i < count; i++) {
      u[i] = noise(step, sequence, position, firstToken + i);
    }
  }

  /**
   * The key of {@link llada.kernel.scalar.GumbelMax.Noise#key} for a position, if the noise of its
   * tokens follows from one.
   */
  default OptionalLong noiseKey(int step, int sequence, int position) {
    return OptionalLong.empty();
  }

  /** Uniform in (0, 1): the score of a position under {@link Remasking#RANDOM}. */
  double score(int step, int sequence, int position);

  /** Uniform in (0, 1): whether a committed token is taken back. */
  default double remasking(int step, int sequence, int position) {
    return noise(step, sequence, position, REMASKING);
  }

  /** Uniform in (0, 1): which token is drawn where one number decides. */
  default double draw(int step, int sequence, int position) {
    return noise(step, sequence, position, DRAW);
  }

  /** No token, but a stream of numbers like one. */
  int REMASKING = -2;

  /** Another. */
  int DRAW = -3;

  /** Numbers that follow from a seed. */
  static RandomSource seeded(long seed) {
    return new RandomSource() {
      @Override
      public double noise(int step, int sequence, int position, int token) {
        return uniform(key(step, sequence, position) + token + 1);
      }

      @Override
      public void noise(
          double[] u, int step, int sequence, int position, int firstToken, int count) {
        long first = key(step, sequence, position) + firstToken + 1;
        for (int i = 0; i < count; i++) {
          u[i] = uniform(first + i);
        }
      }

      @Override
      public double score(int step, int sequence, int position) {
        return uniform(key(step, sequence, position));
      }

      @Override
      public OptionalLong noiseKey(int step, int sequence, int position) {
        return OptionalLong.of(key(step, sequence, position));
      }

      private long key(int step, int sequence, int position) {
        return RandomStreams.hash(seed, Purpose.SAMPLING, step, sequence) + position * GAP;
      }
    };
  }

  /**
   * Numbers for a left-padded batch that each sequence would have drawn by itself: so an answer
   * does not depend on what it was batched with.
   *
   * @param seeds (B) of each sequence
   * @param padding (B) tokens of padding before each sequence
   */
  static RandomSource perSequence(long[] seeds, int[] padding) {
    RandomSource[] sources = new RandomSource[seeds.length];
    Arrays.setAll(sources, b -> seeded(seeds[b]));
    return new RandomSource() {
      @Override
      public double noise(int step, int sequence, int position, int token) {
        return sources[sequence].noise(step, 0, position - padding[sequence], token);
      }

      @Override
      public void noise(
          double[] u, int step, int sequence, int position, int firstToken, int count) {
        sources[sequence].noise(u, step, 0, position - padding[sequence], firstToken, count);
      }

      @Override
      public double score(int step, int sequence, int position) {
        return sources[sequence].score(step, 0, position - padding[sequence]);
      }

      @Override
      public OptionalLong noiseKey(int step, int sequence, int position) {
        return sources[sequence].noiseKey(step, 0, position - padding[sequence]);
      }
    };
  }

  /** Leaves room for a vocabulary between the streams of neighbouring positions. */
  long GAP = 1L << 32;
}
