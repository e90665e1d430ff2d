package llada.tokenizer;

import java.text.Normalizer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Puts long runs of combining marks into canonical order (Unicode Standard, section 3.11), which
 * changes no normal form. The JDK's normaliser sorts such runs by insertion: a hostile text of
 * marks alone would take it time that grows with the square of the length. On sorted runs it is
 * linear.
 */
final class MarkOrder {
  private static final int LONG = 256;
  private static final String LOWEST = "\u0334"; // combining class 1
  private static final String HIGHEST = "\u0345"; // combining class 240

  private MarkOrder() {}

  /** The text, its runs of more than 256 marks in canonical order. */
  static String sortLongRuns(String text) {
    StringBuilder out = null;
    int done = 0;
    int at = 0;
    while (at < text.length()) {
      int end = endOfMarks(text, at);
      if (end - at > LONG) {
        out = out == null ? new StringBuilder(text.length()) : out;
        out.append(text, done, at).append(sorted(text.substring(at, end)));
        done = end;
      }
      at = end > at ? end : at + Character.charCount(text.codePointAt(at));
    }
    return out == null ? text : out.append(text, done, text.length()).toString();
  }

  private static int endOfMarks(String text, int at) {
    int end = at;
    while (end < text.length() && isMark(text.codePointAt(end))) {
      end += Character.charCount(text.codePointAt(end));
    }
    return end;
  }

  private static boolean isMark(int c) {
    int type = Character.getType(c);
    return type == Character.NON_SPACING_MARK
        || type == Character.COMBINING_SPACING_MARK
        || type == Character.ENCLOSING_MARK;
  }

  /** Decomposes the marks one by one and sorts between those that block: the ones of class 0. */
  private static String sorted(String run) {
    Map<Integer, String> known = new HashMap<>();
    int[] marks =
        run.codePoints()
            .flatMap(c -> known.computeIfAbsent(c, MarkOrder::decomposed).codePoints())
            .toArray();
    Map<Integer, Integer> rank = ranks(marks);
    Integer[] order = Arrays.stream(marks).boxed().toArray(Integer[]::new);
    int from = 0;
    for (int i = 0; i <= order.length; i++) {
      if (i == order.length || rank.get(order[i]) < 0) {
        Arrays.sort(order, from, i, Comparator.comparing(rank::get)); // stable, as it must be
        from = i + 1;
      }
    }
    return Arrays.stream(order).map(Character::toString).collect(Collectors.joining());
  }

  private static String decomposed(int mark) {
    return Normalizer.normalize(Character.toString(mark), Normalizer.Form.NFD);
  }

  /** A number per mark that grows with its combining class; -1 for class 0. */
  private static Map<Integer, Integer> ranks(int[] marks) {
    Map<Integer, Integer> rank = new HashMap<>();
    List<Integer> moving =
        Arrays.stream(marks).distinct().boxed().filter(m -> moves(m)).sorted(BY_CLASS).toList();
    for (int mark : marks) {
      rank.put(mark, -1);
    }
    int next = 0;
    for (int i = 0; i < moving.size(); i++) {
      next += i > 0 && BY_CLASS.compare(moving.get(i - 1), moving.get(i)) != 0 ? 1 : 0;
      rank.put(moving.get(i), next);
    }
    return rank;
  }

  private static boolean moves(int mark) {
    String text = Character.toString(mark);
    return swaps(text, LOWEST) || swaps(HIGHEST, text);
  }

  /** The JDK does not tell combining classes, but it shows them: it swaps a higher with a lower. */
  private static final Comparator<Integer> BY_CLASS =
      (a, b) -> {
        String first = Character.toString(a);
        String second = Character.toString(b);
        return swaps(first, second) ? 1 : swaps(second, first) ? -1 : 0;
      };

  private static boolean swaps(String a, String b) {
    return !a.equals(b) && Normalizer.normalize(a + b, Normalizer.Form.NFD).equals(b + a);
  }
}
