package llada.kernel.scalar;

import java.util.Arrays;

/**
 * Ids of a vocabulary that are left out, without touching the logits. Choice and softmax are two
 * questions: a mask token must not be proposed and still has a probability.
 *
 * @param choiceLimit ids from here on cannot be chosen; V when all can
 * @param fromChoice further ids that cannot be chosen, ascending
 * @param fromSoftmax ids whose probability is 0, ascending
 */
public record Exclusions(int choiceLimit, int[] fromChoice, int[] fromSoftmax) {
  private static final int[] NONE = {};

  /** Copies the ids, in ascending order, each once. */
  public Exclusions {
    fromChoice = Arrays.stream(fromChoice).sorted().distinct().toArray();
    fromSoftmax = Arrays.stream(fromSoftmax).sorted().distinct().toArray();
  }

  /** Nothing is left out of a vocabulary of this size. */
  public static Exclusions none(int vocabulary) {
    return new Exclusions(vocabulary, NONE, NONE);
  }

  /** Whether {@code id} can be chosen. */
  public boolean choosable(int id) {
    return id < choiceLimit && Arrays.binarySearch(fromChoice, id) < 0;
  }

  /** Whether {@code id} has a probability. */
  public boolean counted(int id) {
    return Arrays.binarySearch(fromSoftmax, id) < 0;
  }

  /** Ids are among the V of the vocabulary, and both questions have an answer. */
  void check(String op, int vocabulary) {
    if (choiceLimit < 1 || choiceLimit > vocabulary) {
      throw new IllegalArgumentException(
          "%s: choice is limited to ids below %d, of %d".formatted(op, choiceLimit, vocabulary));
    }
    inside(op, fromChoice, vocabulary);
    inside(op, fromSoftmax, vocabulary);
    long excluded = Arrays.stream(fromChoice).filter(id -> id < choiceLimit).count();
    if (excluded == choiceLimit || fromSoftmax.length == vocabulary) {
      throw new IllegalArgumentException(
          "%s: of %d ids below %d, %d are left out of the choice, and %d of %d out of the softmax: something must be left"
              .formatted(op, choiceLimit, choiceLimit, excluded, fromSoftmax.length, vocabulary));
    }
  }

  private static void inside(String op, int[] ids, int vocabulary) {
    if (ids.length > 0 && (ids[0] < 0 || ids[ids.length - 1] >= vocabulary)) {
      throw new IllegalArgumentException(
          "%s: excluded ids %s are not all among the %d of the vocabulary"
              .formatted(op, Arrays.toString(ids), vocabulary));
    }
  }
}
