package llada.evaluation;

import java.util.ArrayList;
import java.util.List;
import llada.format.Json;

/**
 * One line of a Chinese couplet to be named from the other: the reversal curse (LLaDA sec. 3.3 and
 * B.9). The prompt asks for the next or the previous line; an answer that holds the line is right.
 *
 * @param id direction and number of the couplet, from 1
 * @param direction which line is asked for
 * @param prompt the question
 * @param line the line that is asked for
 */
public record Couplet(String id, Direction direction, String prompt, String line) {
  /** Which line is asked for. */
  public enum Direction {
    /** From the first line to the second. */
    FORWARD("的下一句是什么？ 直接输出句子即可。"),
    /** From the second line to the first. */
    REVERSAL("的上一句是什么？ 直接输出句子即可。");

    private final String question;

    Direction(String question) {
      this.question = question;
    }
  }

  /**
   * Reads the couplets and asks both ways, forward first.
   *
   * @param objects with {@code first} and {@code second}
   */
  public static List<Couplet> read(List<Json> objects) {
    List<Couplet> couplets = new ArrayList<>();
    for (Direction direction : Direction.values()) {
      for (int i = 0; i < objects.size(); i++) {
        String first = objects.get(i).get("first").string();
        String second = objects.get(i).get("second").string();
        boolean forward = direction == Direction.FORWARD;
        couplets.add(
            new Couplet(
                "%s-%d".formatted(forward ? "forward" : "reversal", i + 1),
                direction,
                (forward ? first : second) + direction.question,
                forward ? second : first));
      }
    }
    return couplets;
  }

  /** Whether an answer holds the line. */
  public boolean isRight(String answer) {
    return answer.contains(line);
  }
}
