package llada.evaluation;

import java.util.OptionalInt;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the chosen letter out of a generated answer. In this order: what follows "answer is" or
 * "Answer:", the last of several; a letter at the very beginning; a letter in parentheses; the
 * first capital letter that stands alone.
 */
public final class AnswerLetter {
  private static final Pattern STATED =
      Pattern.compile(
          "(?i:answer(?:\\s+is)?|choice\\s+is|option\\s+is)\\s*:?\\s*[*(\"']*([A-Z])\\b");
  private static final Pattern FIRST = Pattern.compile("^[\\s*(\"']*([A-Z])(?![A-Za-z'])");
  private static final Pattern BRACKETED = Pattern.compile("\\(([A-Z])\\)");
  private static final Pattern ALONE = Pattern.compile("(?<![A-Za-z'])([A-Z])(?![A-Za-z'])");

  private AnswerLetter() {}

  /**
   * The choice that a text names.
   *
   * @param choices how many there are
   * @return its number from 0; empty if it names none
   */
  public static OptionalInt find(String text, int choices) {
    MatchResult last = null;
    for (Matcher stated = STATED.matcher(text); stated.find(); ) {
      last = number(stated, choices) >= 0 ? stated.toMatchResult() : last;
    }
    if (last != null) {
      return OptionalInt.of(number(last, choices));
    }
    for (Pattern pattern : new Pattern[] {FIRST, BRACKETED, ALONE}) {
      for (Matcher found = pattern.matcher(text); found.find(); ) {
        if (number(found, choices) >= 0) {
          return OptionalInt.of(number(found, choices));
        }
      }
    }
    return OptionalInt.empty();
  }

  private static int number(MatchResult match, int choices) {
    int number = match.group(1).charAt(0) - 'A';
    return number < choices ? number : -1;
  }
}
