package llada.experiments;

import java.util.SplittableRandom;
import llada.train.TrainingData;

/**
 * People and who they are: "A is D D", a name of one word and a description of two, told forward
 * ("BOS A is D D") or reversed ("BOS D D is A"). No two people have the same description, and each
 * word of one occurs in several.
 */
final class Facts {
  /** Tokens of a sentence. */
  static final int LENGTH = 5;

  private static final int BOS = 0;
  private static final int IS = 1;
  private static final int NAME = 2;

  private final int count;
  private final int side; // words for each half of a description
  private final int[] descriptions;

  Facts(Size size, long seed) {
    count = count(size);
    side = (int) Math.ceil(Math.sqrt(2.0 * count));
    descriptions = TrainingData.order(side * side, seed, 1); // who is what differs by seed
  }

  static int count(Size size) {
    return size.of(6, 300, 1000);
  }

  SmallModel.Vocabulary vocabulary() {
    return new SmallModel.Vocabulary(NAME + count + 2 * side + 1, BOS);
  }

  /** Right guesses of one who knows a word of the description in two: those with that word. */
  double half() {
    return (double) side / count;
  }

  int names() {
    return count;
  }

  /** The token of a name. */
  int name(int i) {
    return NAME + i;
  }

  private int[] sentence(int person, boolean forward) {
    int first = NAME + count + descriptions[person] / side;
    int second = NAME + count + side + descriptions[person] % side;
    return forward
        ? new int[] {BOS, NAME + person, IS, first, second}
        : new int[] {BOS, first, second, IS, NAME + person};
  }

  /** Which sentences are learnt. */
  enum Seen {
    /** Of the first half of the people forward ones, of the others both. */
    ONE_WAY,
    /** Both of all. */
    BOTH_WAYS,
    /** Forward ones of all: what a reversed sentence is, is never seen. */
    FORWARD
  }

  /** A sentence to learn. */
  int[] sentence(Seen seen, SplittableRandom random) {
    int person = random.nextInt(count);
    boolean forward = seen == Seen.FORWARD || seen == Seen.ONE_WAY && person < count / 2;
    return sentence(person, forward || random.nextBoolean());
  }

  /** All sentences of a direction about those seen one way, or about the others. */
  int[][] sentences(boolean oneWay, boolean forward) {
    int half = count / 2;
    int[][] all = new int[oneWay ? half : count - half][];
    for (int i = 0; i < all.length; i++) {
      all[i] = sentence(oneWay ? i : half + i, forward);
    }
    return all;
  }
}
