package llada.train.demo;

import java.util.List;

/**
 * A question, perhaps with what was said before it, and the right answer.
 *
 * @param subject what it belongs to
 * @param key what is asked for, however it is put; empty where nothing is ever held out. Behind it
 *     on lines of their own are the keys of what was asked before
 * @param turns question, or question, answer and next question
 * @param answer to the last of them
 */
record Exchange(Subject subject, String key, List<String> turns, String answer) {
  private static final int HELD_OUT = 16; // one in so many

  Exchange(Subject subject, String key, String question, String answer) {
    this(subject, key, List.of(question), answer);
  }

  /** Whether it is kept for the test, by a hash of its keys: no wording of it is trained. */
  boolean heldOut() {
    return key.lines().anyMatch(Exchange::heldOut);
  }

  /** Whether that is so of the question that is to be answered. */
  boolean asksForNew() {
    return heldOut(key.lines().findFirst().orElse(""));
  }

  static boolean heldOut(String key) {
    if (key.isEmpty()) {
      return false;
    }
    long hash = 0xcbf29ce484222325L;
    for (int i = 0; i < key.length(); i++) {
      hash = (hash ^ key.charAt(i)) * 0x100000001b3L; // FNV-1a
    }
    return Math.floorMod(llada.tensor.RandomStreams.mix(hash), HELD_OUT) == 0;
  }

  /** This one after another one of the same subject. */
  Exchange after(Exchange before) {
    return new Exchange(
        Subject.FOLLOW_UPS,
        key + "\n" + before.key,
        List.of(before.turns.getLast(), before.answer, turns.getLast()),
        answer);
  }
}
