package llada.experiments;

import java.util.Arrays;
import java.util.SplittableRandom;
import llada.train.TrainingData;

/**
 * A small language of stories of 23 words, with dependencies near and far, of which it can be said
 * whether they hold:
 *
 * <pre>
 *   mia has a red cow . the cow sleeps in the barn . it says moo . mia likes the red cow .
 * </pre>
 *
 * The animal decides on place and sound; name, colour and animal of the last sentence are those of
 * the first; and the two sentences in the middle come in either order.
 */
final class Fables {
  private static final int NAMES = 12;
  private static final int ANIMALS = 12;
  private static final int COLOURS = 8;
  private static final int VERBS = 8;
  private static final int PLACES = 6;

  // Ids: BOS, function words, then the open classes, then the mask.
  private static final int HAS = 1;
  private static final int A = 2;
  private static final int THE = 3;
  private static final int IN = 4;
  private static final int IT = 5;
  private static final int SAYS = 6;
  private static final int LIKES = 7;
  private static final int STOP = 8;
  private static final int NAME = 9;
  private static final int ANIMAL = NAME + NAMES;
  private static final int COLOUR = ANIMAL + ANIMALS;
  private static final int VERB = COLOUR + COLOURS;
  private static final int PLACE = VERB + VERBS;
  private static final int SOUND = PLACE + PLACES;

  /** The first token, which is always given. */
  static final int BOS = 0;

  /** Words of a story, and BOS. */
  static final int LENGTH = 24;

  /** Tokens of BOS and the first sentence. */
  static final int FIRST_SENTENCE = 7;

  /** There is no end: all stories are as long. */
  static final SmallModel.Vocabulary VOCABULARY =
      new SmallModel.Vocabulary(SOUND + ANIMALS + 1, BOS);

  private Fables() {}

  /** A story, with BOS. */
  static int[] story(SplittableRandom random) {
    int name = NAME + random.nextInt(NAMES);
    int animal = random.nextInt(ANIMALS);
    int colour = COLOUR + random.nextInt(COLOURS);
    int verb = VERB + random.nextInt(VERBS);
    int[] lives = {THE, ANIMAL + animal, verb, IN, THE, PLACE + animal % PLACES, STOP};
    int[] says = {IT, SAYS, SOUND + animal, STOP};
    boolean swapped = random.nextBoolean();
    return join(
        new int[] {BOS, name, HAS, A, colour, ANIMAL + animal, STOP},
        swapped ? says : lives,
        swapped ? lives : says,
        new int[] {name, LIKES, THE, colour, ANIMAL + animal, STOP});
  }

  private static int[] join(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
  }

  static int[][] stories(int count, SplittableRandom random) {
    int[][] all = new int[count][];
    for (int i = 0; i < count; i++) {
      all[i] = story(random);
    }
    return all;
  }

  /** Fresh stories without end. */
  static TrainingData.Batch batch(int count, SplittableRandom random) {
    return SmallModel.Source.batch(stories(count, random), 1);
  }

  /** Whether a story could have been told: all its dependencies hold. */
  static boolean coherent(int[] x) {
    int animal = x[5] - ANIMAL;
    if (animal < 0 || animal >= ANIMALS || !within(x[1], NAME, NAMES)) {
      return false;
    }
    int verbAt = x[7] == IT ? 13 : 9;
    if (!within(x[4], COLOUR, COLOURS) || !within(x[verbAt], VERB, VERBS)) {
      return false;
    }
    int[] lives = {THE, ANIMAL + animal, x[verbAt], IN, THE, PLACE + animal % PLACES, STOP};
    int[] says = {IT, SAYS, SOUND + animal, STOP};
    boolean swapped = x[7] == IT;
    return Arrays.equals(
        x,
        join(
            new int[] {BOS, x[1], HAS, A, x[4], x[5], STOP},
            swapped ? says : lives,
            swapped ? lives : says,
            new int[] {x[1], LIKES, THE, x[4], x[5], STOP}));
  }

  private static boolean within(int id, int from, int count) {
    return id >= from && id < from + count;
  }

  /** Where the word stands that the animal decides on: its sound. */
  static int soundAt(int[] story) {
    return story[7] == IT ? 9 : 16;
  }
}
