package llada.train;

import java.util.Arrays;
import java.util.SplittableRandom;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * Sequences to train on, and others to validate with; which one comes when follows from the seed.
 */
public interface TrainingData {
  /**
   * Sequences before masking.
   *
   * @param x0 (B, T)
   * @param promptLengths (B) tokens that are given, or null in pre-training
   * @param names (B) where each comes from, for messages
   * @param weights (B) how often the loss of each counts
   */
  record Batch(int[][] x0, int[] promptLengths, String[] names, double[] weights) {
    /** Sequences that count once each. */
    public Batch(int[][] x0, int[] promptLengths, String[] names) {
      this(x0, promptLengths, names, new double[x0.length]);
      Arrays.fill(weights, 1);
    }
  }

  /** Sequences of an epoch. */
  int sequences();

  /** Sequences to validate with. */
  int validationSequences();

  /**
   * A batch.
   *
   * @param first number of its first sequence, counted over all epochs
   * @param count B
   * @param random for what else has to be chosen
   */
  Batch batch(long first, int count, SplittableRandom random);

  /** Validation sequence {@code i} as a batch of one. */
  Batch validation(int i);

  /** SHA-256 of the tokens. */
  String digest();

  /** The order of an epoch: the same sequence of indices for the same seed and epoch. */
  static int[] order(int count, long seed, long epoch) {
    SplittableRandom random = RandomStreams.of(seed, Purpose.EPOCH, epoch);
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

  /**
   * How many of {@code count} are kept for validation: the share, but at least one if any, and
   * never all.
   */
  static int validationCount(int count, double share) {
    return share <= 0 || count < 2
        ? 0
        : Math.max(1, Math.min(count - 1, (int) Math.round(share * count)));
  }
}
