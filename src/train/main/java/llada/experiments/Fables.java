package llada.experiments;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * A small language of stories of 23 words, with dependencies near and far, of which it can be said
 * whether they hold:
 *
 * <pre>
 *   mia has a red cow . the cow sleeps in the barn . it says moo . mia likes the red cow .
 * </pre>
 *
 * The animal decides on place and sound; name, colour and animal of the last sentence are those of
 * the first; and the two sentences in the middle come in either order. Longer stories say all but
 * the first sentence again, in the same order; shorter ones break off. One in eight of the triples
 * of name, animal and colour is held out: no story about it is ever trained on, though every pair
 * of its words is.
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

  /** The longest story, with BOS. */
  static final int LONGEST = 48;

  /** Stories of this language: each as likely as any other, but for those held out. */
  static final int STORIES = NAMES * ANIMALS * COLOURS * VERBS * 2;

  private static boolean heldOut(int name, int animal, int colour) {
    return (name + 3 * animal + 5 * colour) % 8 == 0;
  }

  /** Whether a story is about a triple that is held out. */
  static boolean heldOut(int[] story) {
    return heldOut(story[1] - NAME, story[5] - ANIMAL, story[4] - COLOUR);
  }

  private static int[] story(
      int name, int animal, int colour, int verb, boolean swapped, int length) {
    int[] lives = {THE, ANIMAL + animal, VERB + verb, IN, THE, PLACE + animal % PLACES, STOP};
    int[] says = {IT, SAYS, SOUND + animal, STOP};
    int[] first = {BOS, NAME + name, HAS, A, COLOUR + colour, ANIMAL + animal, STOP};
    int[] last = {NAME + name, LIKES, THE, COLOUR + colour, ANIMAL + animal, STOP};
    int[] one = swapped ? says : lives;
    int[] other = swapped ? lives : says;
    return Arrays.copyOf(join(first, one, other, last, one, other, last, lives), length);
  }

  /** A story of a number, below {@link #STORIES}. */
  static int[] story(int number) {
    int colour = number / 2 / VERBS;
    int animal = colour / COLOURS;
    return story(
        animal / ANIMALS,
        animal % ANIMALS,
        colour % COLOURS,
        number / 2 % VERBS,
        number % 2 == 1,
        LENGTH);
  }

  private static int[] join(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
  }

  /**
   * Stories of the usual length.
   *
   * @param heldOut whether about held-out triples only, or about the others only
   */
  static int[][] stories(int count, boolean heldOut, SplittableRandom random) {
    return stories(count, heldOut, LENGTH, random);
  }

  /** The same of another length, with BOS. */
  static int[][] stories(int count, boolean heldOut, int length, SplittableRandom random) {
    int[][] all = new int[count][];
    for (int i = 0; i < count; i++) {
      int name;
      int animal;
      int colour;
      do {
        name = random.nextInt(NAMES);
        animal = random.nextInt(ANIMALS);
        colour = random.nextInt(COLOURS);
      } while (heldOut(name, animal, colour) != heldOut);
      boolean swapped = random.nextBoolean();
      all[i] = story(name, animal, colour, random.nextInt(VERBS), swapped, length);
    }
    return all;
  }

  /** Whether a story could have been told: all its dependencies hold. */
  static boolean coherent(int[] x) {
    boolean swapped = x[7] == IT;
    int verbAt = swapped ? 13 : 9;
    int[] words = {
      x[1] - NAME, x[5] - ANIMAL, x[4] - COLOUR, verbAt < x.length ? x[verbAt] - VERB : 0
    };
    int[] most = {NAMES, ANIMALS, COLOURS, VERBS};
    for (int i = 0; i < words.length; i++) {
      if (words[i] < 0 || words[i] >= most[i]) {
        return false;
      }
    }
    return Arrays.equals(x, story(words[0], words[1], words[2], words[3], swapped, x.length));
  }

  /**
   * Nats a word of the likeliest guess about held-out stories that knows all but which triples are
   * held out. Nobody who learns from the others is below.
   */
  static double floor(int length) {
    int verbs = length > 13 ? VERBS : 1; // the verb has come in either order
    return Math.log(NAMES * ANIMALS * COLOURS * verbs * 2.0) / (length - 1);
  }

  /** Where the word stands that the animal decides on: its sound. */
  static int soundAt(int[] story) {
    return story[7] == IT ? 9 : 16;
  }
}
