package llada.experiments;

import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import llada.train.TrainingData;

/**
 * Tasks whose rule differs from sequence to sequence, so that it can only be learnt from the
 * examples in the sequence: "task x1 y1 x2 y2 ... x y". The last y is asked for.
 */
enum Shots {
  /** Each key has a random value; the key asked for is one of those shown (if any is). */
  RECALL {
    @Override
    void fill(int[] pairs, int shots, SplittableRandom random) {
      int[] keys = TrainingData.order(VALUES, random.nextLong(), 0);
      for (int i = 0; i < shots; i++) {
        pairs[2 * i] = keys[i];
        pairs[2 * i + 1] = random.nextInt(VALUES);
      }
      int asked = shots == 0 ? 0 : random.nextInt(shots);
      pairs[2 * shots] = keys[asked];
      pairs[2 * shots + 1] = shots == 0 ? random.nextInt(VALUES) : pairs[2 * asked + 1];
    }
  },
  /**
   * Induction: one key keeps coming back with the same value behind it, once in every two pairs,
   * among pairs that are noise; it is asked for last. With one shot it was shown once.
   */
  INDUCTION {
    @Override
    void fill(int[] pairs, int shots, SplittableRandom random) {
      int key = random.nextInt(VALUES);
      int value = random.nextInt(VALUES);
      for (int i = 0; i < shots; i++) {
        boolean shown = i % 2 == 0;
        pairs[2 * i] = shown ? key : (key + 1 + random.nextInt(VALUES - 1)) % VALUES;
        pairs[2 * i + 1] = shown ? value : random.nextInt(VALUES);
      }
      pairs[2 * shots] = key;
      pairs[2 * shots + 1] = value;
    }
  },
  /** y = a x + b modulo 11 with a of 1 to 3, another a and b each time; no x comes twice. */
  LINEAR {
    @Override
    void fill(int[] pairs, int shots, SplittableRandom random) {
      int a = 1 + random.nextInt(3);
      int b = random.nextInt(VALUES);
      int[] x = TrainingData.order(VALUES, random.nextLong(), 0);
      for (int i = 0; i <= shots; i++) {
        pairs[2 * i] = x[i];
        pairs[2 * i + 1] = (a * x[i] + b) % VALUES;
      }
    }
  };

  /** Different keys, and different values; a prime. */
  static final int VALUES = 11;

  /** The most examples. */
  static final int MOST = 8;

  /** Tokens of a sequence with the most examples: the task, and pairs with the one asked for. */
  static final int LENGTH = 1 + 2 * (MOST + 1);

  /** Keys, values, tasks, mask. */
  static final SmallModel.Vocabulary VOCABULARY =
      new SmallModel.Vocabulary(2 * VALUES + 3 + 1, 2 * VALUES);

  /**
   * Draws examples and a question.
   *
   * @param pairs 2 (shots + 1) numbers below {@link #VALUES}, overwritten
   */
  abstract void fill(int[] pairs, int shots, SplittableRandom random);

  /** A sequence with its answer at the end. */
  int[] sequence(int shots, SplittableRandom random) {
    int[] pairs = new int[2 * (shots + 1)];
    fill(pairs, shots, random);
    int[] x = new int[1 + pairs.length];
    x[0] = 2 * VALUES + List.of(values()).indexOf(this);
    for (int i = 0; i < pairs.length; i++) {
      x[1 + i] = pairs[i] + (i % 2) * VALUES; // values are other tokens than keys
    }
    return x;
  }

  /** Sequences of all tasks with one number of examples, mostly many. */
  static TrainingData.Batch batch(int count, SplittableRandom random) {
    return SmallModel.Source.batch(
        sequences(count, MOST, random, () -> values()[random.nextInt(values().length)]), 1);
  }

  /** Sequences of this task with one number of examples; all but the answer is given. */
  TrainingData.Batch lesson(int count, int most, SplittableRandom random) {
    int[][] x0 = sequences(count, most, random, () -> this);
    return SmallModel.Source.batch(x0, x0[0].length - 1);
  }

  private static int[][] sequences(
      int count, int most, SplittableRandom random, Supplier<Shots> task) {
    int shots = random.nextInt(2) == 0 ? most : random.nextInt(most + 1);
    int[][] x0 = new int[count][];
    for (int b = 0; b < count; b++) {
      x0[b] = task.get().sequence(shots, random);
    }
    return x0;
  }

  /** What can be known from so many examples, at best; the share of right answers. */
  double best(int shots) {
    double chance = 1.0 / VALUES;
    return switch (this) {
      case RECALL, INDUCTION -> shots == 0 ? chance : 1;
      case LINEAR -> shots == 0 ? chance : shots == 1 ? 1 / 3.0 : 1;
    };
  }
}
