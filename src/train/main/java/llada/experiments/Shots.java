package llada.experiments;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import llada.train.TrainingData;

/**
 * Tasks whose rule differs from sequence to sequence, so that it can only be learnt from the
 * examples in the sequence: "task x1 y1 x2 y2 ... x y". The last y is asked for. All values that
 * are shown are different and come equally often, so that neither counting nor copying a value
 * tells which is meant; elimination leaves all of those shown, too.
 */
enum Shots {
  /** Each key comes once, with a value of its own; one of the keys is asked for again. */
  RECALL(1),
  /** Induction: each key comes twice, with the same value; one of them is asked for. */
  INDUCTION(2);

  /** Different keys, and different values. */
  static final int VALUES = 11;

  /** The most examples. */
  static final int MOST = 8;

  /** Tokens of a sequence with the most examples: the task, and pairs with the one asked for. */
  static final int LENGTH = 1 + 2 * (MOST + 1);

  /** Keys, values, tasks, mask. */
  static final SmallModel.Vocabulary VOCABULARY =
      new SmallModel.Vocabulary(2 * VALUES + 2 + 1, 2 * VALUES);

  private final int times;

  Shots(int times) {
    this.times = times;
  }

  /**
   * A sequence with its answer at the end.
   *
   * @param shots examples, even
   */
  int[] sequence(int shots, SplittableRandom random) {
    int different = shots / times;
    int[] keys = TrainingData.order(VALUES, random.nextLong(), 0);
    int[] values = TrainingData.order(VALUES, random.nextLong(), 0);
    int[] places = TrainingData.order(shots, random.nextLong(), 0);
    int[] x = new int[1 + 2 * (shots + 1)];
    x[0] = 2 * VALUES + List.of(values()).indexOf(this);
    int asked = random.nextInt(Math.max(1, different));
    for (int i = 0; i <= shots; i++) {
      int pair = i == shots ? asked : places[i] % different;
      x[1 + 2 * i] = keys[pair];
      x[2 + 2 * i] = values[pair] + VALUES; // values are other tokens than keys
    }
    return x;
  }

  /** Sequences of all tasks with one number of examples, mostly many. */
  static TrainingData.Batch batch(int count, SplittableRandom random) {
    int shots = random.nextInt(2) == 0 ? MOST : 2 * random.nextInt(MOST / 2 + 1);
    int[][] x0 = new int[count][];
    Arrays.setAll(x0, _ -> values()[random.nextInt(values().length)].sequence(shots, random));
    return SmallModel.Source.batch(x0, 1);
  }

  /** What looking at the values alone can reach: any of those shown. */
  double shortcut(int shots) {
    return shots == 0 ? 1.0 / VALUES : (double) times / shots;
  }

  /** What can be known from so many examples. */
  double best(int shots) {
    return shots == 0 ? 1.0 / VALUES : 1;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
