package llada.train.demo;

import static llada.train.demo.Wording.answer;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Sums, counting, completing and comparing of numbers. Sums above {@value #BY_HEART} are worked out
 * digit by digit, with two figures for each: the carry (or what is borrowed) and the digit. So the
 * answer has a fixed width, and each of its tokens follows from a few others.
 */
final class Numbers {
  private static final int BY_HEART = 20;
  private static final int ROW = 21; // numbers of a row, at most
  private static final String[] PLACES = {"Ones", "tens", "hundreds"};
  private static final List<Integer> STEPS = List.of(2, 3, 4, 5, 10, 2, 5, 10, 20, 50, 100);
  private static final List<String> STEP_WORDS =
      List.of(
          "two", "three", "four", "five", "ten", "two", "five", "ten", "twenty", "fifty",
          "hundred");

  private Numbers() {}

  /** An operand: small, up to 99 or up to 999. */
  private static int operand(Wording w, int size) {
    return switch (size) {
      case 0 -> w.below(BY_HEART + 1);
      case 1 -> w.below(100);
      default -> w.oneIn(5) ? w.below(100) : w.between(100, 999);
    };
  }

  static Exchange sum(Wording w) {
    return switch (w.below(16)) {
      case 0, 1 -> {
        int a = w.below(13);
        int b = w.below(13);
        Object[] slots = {"a", a, "b", b, "c", a * b};
        yield exchange("", "sum.times", w, slots);
      }
      case 2 -> {
        boolean half = w.oneIn(2);
        int a = half ? 2 * w.below(51) : w.below(51);
        Object[] slots = {"a", a, "c", half ? a / 2 : 2 * a};
        yield exchange("", half ? "sum.half" : "sum.double", w, slots);
      }
      case 3 -> {
        int a = w.below(11);
        int b = w.below(11);
        int d = w.below(11);
        yield exchange("", "sum.three", w, "a", a, "b", b, "d", d, "c", a + b + d);
      }
      default -> {
        int size = w.below(5) / 2;
        yield sum(w, operand(w, size), operand(w, size), w.below(5) < 3, "sum.plus", "sum.minus");
      }
    };
  }

  private static Exchange exchange(String key, String section, Wording w, Object... slots) {
    return new Exchange(Subject.SUMS, key, w.question(section, slots), answer(section, slots));
  }

  private static Exchange sum(
      Wording w, int first, int second, boolean plus, String adding, String taking) {
    boolean swap = !plus && first < second && Math.max(first, second) > BY_HEART;
    int a = swap ? second : first;
    int b = swap ? first : second;
    return new Exchange(
        Subject.SUMS,
        key(a, b, plus),
        w.question(plus ? adding : taking, "a", a, "b", b),
        worked(a, b, plus));
  }

  /** a + b = c, b + a = c, c - a = b and c - b = a are held out together. */
  private static String key(int a, int b, boolean plus) {
    if (Math.max(a, b) <= BY_HEART) {
      return "";
    }
    int x = plus ? a : a - b;
    return "sum %d %d".formatted(Math.min(x, b), Math.max(x, b));
  }

  /** The answer to a sum; of those above {@value #BY_HEART} with its working. */
  static String worked(int a, int b, boolean plus) {
    int result = plus ? a + b : a - b;
    if (Math.max(a, b) <= BY_HEART) {
      return answer(plus ? "sum.plus" : "sum.minus", "a", a, "b", b, "c", result);
    }
    List<String> working = new ArrayList<>();
    int carry = 0;
    int places = Math.max(a, b) < 100 ? 2 : PLACES.length;
    for (int p = 0, ten = 1; p < places; p++, ten *= 10) {
      int x = a / ten % 10;
      int y = b / ten % 10;
      int digit = plus ? x + y + carry : x - y - carry;
      carry = plus ? digit / 10 : digit < 0 ? 1 : 0;
      working.add("%s %d%d".formatted(PLACES[p], carry, Math.floorMod(digit, 10)));
    }
    return "%s: %d.".formatted(String.join(", ", working), result);
  }

  static String row(List<Integer> numbers) {
    return numbers.stream().map(String::valueOf).collect(Collectors.joining(", "));
  }

  /** From {@code a} to {@code b}, both included, up or down. */
  static List<Integer> range(int a, int b, int step) {
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i <= Math.abs(b - a) / step; i++) {
      all.add(a + (b < a ? -step : step) * i);
    }
    return all;
  }

  private static int most(int number) {
    return number < 100 ? ROW : 13;
  }

  static Exchange count(Wording w) {
    int kind = w.below(12);
    if (kind < 2) {
      int b = w.between(2, ROW - 1);
      return counted(
          w, kind == 0 ? "count.to" : "count.downto1", kind == 0 ? 1 : b, kind == 0 ? b : 1, 1, 0);
    }
    if (kind < 9) {
      int from = w.oneIn(3) ? w.below(10) : w.oneIn(2) ? w.below(80) : w.below(985);
      int to = from + w.between(2, most(from + 20) - 1);
      return kind < 6
          ? counted(w, "count.up", from, to, 1, 0)
          : counted(w, "count.down", to, from, 1, 0);
    }
    if (kind < 11) {
      int which = w.below(STEPS.size());
      int step = STEPS.get(which);
      int from = w.oneIn(2) ? step * w.below(2) : w.below(step * 5);
      boolean multiples = from == step && w.oneIn(2);
      int to = from + step * w.between(2, 10);
      return counted(w, multiples ? "count.multiples" : "count.step", from, to, step, which);
    }
    boolean even = w.oneIn(2);
    int from = w.oneIn(2) ? (even ? 2 : 1) : 2 * w.below(40) + (even ? 0 : 1);
    return counted(w, even ? "count.even" : "count.odd", from, from + 2 * w.between(2, 9), 2, 0);
  }

  private static Exchange counted(Wording w, String section, int a, int b, int step, int which) {
    boolean small = Math.max(a, b) < ROW;
    return new Exchange(
        Subject.COUNTING,
        small ? "" : "count %d %d %d".formatted(a, b, step),
        w.question(section, "a", a, "b", b, "s", step, "word", STEP_WORDS.get(which)),
        row(range(a, b, step)) + ".");
  }

  static Exchange complete(Wording w) {
    int kind = w.below(10);
    if (kind == 0) {
      int a = w.below(w.oneIn(2) ? 100 : 998);
      return completed(w, "complete.between", "", "a", a, "b", a + 2, "next", a + 1);
    }
    if (kind < 4) {
      int a = w.between(1, w.oneIn(2) ? 100 : 998);
      boolean after = kind < 3;
      Object[] slots = {"a", a, "next", after ? a + 1 : a - 1};
      String key = a < 2 * ROW ? "" : "next %d".formatted(a);
      return completed(w, after ? "complete.after" : "complete.before", key, slots);
    }
    List<Integer> row = progression(w);
    int shown = row.size() - 1;
    Object[] slots = {"row", row(row.subList(0, shown)), "next", row.get(shown)};
    return completed(w, "complete.row", key(row), slots);
  }

  private static String key(List<Integer> row) {
    return row.get(1) <= 4 ? "" : "row %d %d".formatted(row.get(0), row.get(1));
  }

  private static List<Integer> progression(Wording w) {
    int shown = w.between(3, 5);
    if (w.oneIn(12)) { // each is twice the one before
      return java.util.stream.IntStream.iterate(w.between(1, 5), n -> 2 * n)
          .limit(shown + 1)
          .boxed()
          .toList();
    }
    int step = w.oneIn(2) ? w.between(1, 10) : w.between(1, 50);
    int from = w.oneIn(3) ? step * w.below(3) : w.below(w.oneIn(2) ? 50 : 500);
    List<Integer> row = range(from, from + step * shown, step);
    if (w.oneIn(4)) {
      Collections.reverse(row);
    }
    return row;
  }

  private static Exchange completed(Wording w, String section, String key, Object... slots) {
    return new Exchange(
        Subject.COMPLETING, key, w.question(section, slots), answer(section, slots));
  }

  static Exchange compare(Wording w) {
    int size = w.below(3);
    int a = operand(w, size);
    int b = w.oneIn(4) ? a + w.between(1, 9) : operand(w, size);
    if (a == b) {
      b++;
    }
    if (w.oneIn(12)) {
      Object[] slots = {"a", a, "c", a % 2 == 0 ? "even" : "odd", "yes", a % 2 == 0 ? "Yes" : "No"};
      return compared(w, "compare.even", "", slots);
    }
    if (w.oneIn(5)) {
      boolean biggest = w.oneIn(2);
      int d = operand(w, size);
      int c = biggest ? Math.max(a, Math.max(b, d)) : Math.min(a, Math.min(b, d));
      Object[] slots = {"a", a, "b", b, "d", d, "c", c};
      return compared(w, biggest ? "compare.biggest" : "compare.smallest", "", slots);
    }
    return compare(w, a, b, w.oneIn(2), Integer.toString(a), Integer.toString(b));
  }

  /** Which of two is more, by numbers. */
  static Exchange compare(Wording w, int a, int b, boolean bigger, String first, String second) {
    boolean asked = w.oneIn(4);
    String c = a > b == bigger ? first : second;
    String section = (asked ? "compare.is" : "compare.") + (bigger ? "bigger" : "smaller");
    Object[] slots = {"a", first, "b", second, "c", c, "yes", c.equals(first) ? "Yes" : "No"};
    return compared(w, section, first.matches("[0-9]+") ? pair(a, b) : "", slots);
  }

  private static String pair(int a, int b) {
    return Math.max(a, b) <= BY_HEART
        ? ""
        : "compare %d %d".formatted(Math.min(a, b), Math.max(a, b));
  }

  static Exchange compared(Wording w, String section, String key, Object... slots) {
    return new Exchange(Subject.COMPARING, key, w.question(section, slots), answer(section, slots));
  }

  /** Some question about numbers, and one that goes on from it. */
  static Exchange followUp(Wording w, Wording plain) {
    return switch (w.below(9)) {
      case 0, 1 -> {
        int size = w.below(3);
        int a = operand(w, size);
        boolean plus = w.oneIn(2);
        int b = size == 0 && !plus ? w.below(a + 1) : operand(w, size);
        Exchange before = sum(plain, a, b, plus, "sum.plus", "sum.minus");
        int kept = plus || Math.max(a, b) <= BY_HEART ? a : Math.max(a, b);
        int next = kept > BY_HEART || !plus ? w.below(Math.min(kept, 100) + 1) : operand(w, 0);
        boolean same = w.below(4) > 0;
        boolean adding = same == plus;
        yield sum(
                w,
                kept,
                adding ? next : Math.min(next, kept),
                adding,
                "sum.follow.plus",
                "sum.follow.minus")
            .after(before);
      }
      case 2, 3 -> {
        int a = operand(w, w.below(2));
        int b = operand(w, w.below(2));
        Exchange before = sum(plain, a, b, true, "sum.plus", "sum.minus");
        int c = a + b;
        if (w.oneIn(6)) {
          yield sum(w, c, c, true, "sum.then.double", "sum.then.double").after(before);
        }
        boolean adding = w.oneIn(2);
        int next = w.oneIn(2) ? w.between(1, 10) : operand(w, 1);
        yield sum(
                w, c, adding ? next : Math.min(next, c), adding, "sum.then.plus", "sum.then.minus")
            .after(before);
      }
      case 4 -> {
        int size = w.below(3);
        Exchange before = sum(plain, operand(w, size), operand(w, size), true, "sum.plus", "");
        yield sum(w, operand(w, size), operand(w, size), true, "sum.new", "").after(before);
      }
      case 5, 6 -> {
        int a = w.oneIn(2) ? w.below(3) : w.below(90);
        int b = a + w.between(2, 12);
        boolean to = a == 1 && w.oneIn(2);
        Exchange before = counted(plain, to ? "count.to" : "count.up", a, b, 1, 0);
        int further = b + w.between(1, 5);
        yield (switch (w.below(4)) {
              case 0 -> counted(w, "count.on", a, further, 1, 0);
              case 1 -> counted(w, "count.further", b + 1, b + 5, 1, 0);
              case 2 -> counted(w, "count.again", a, b, 1, 0);
              default -> counted(w, "count.backwards", b, a, 1, 0);
            })
            .after(before);
      }
      case 7 -> {
        List<Integer> row = progression(plain);
        int last = row.getLast();
        int next = last + (last - row.get(row.size() - 2));
        if (next < 0 || row.get(2) - row.get(1) != row.get(1) - row.get(0)) {
          yield followUp(w, plain);
        }
        Object[] before = {"row", row(row.subList(0, row.size() - 1)), "next", last};
        Object[] then = {"next", last};
        yield new Exchange(Subject.COMPLETING, "", w.question("complete.follow", then), next + ".")
            .after(completed(plain, "complete.row", key(row), before));
      }
      default -> {
        int a = w.below(100);
        int b = a + w.between(1, 50);
        boolean bigger = w.oneIn(2);
        String section = bigger ? "compare.bigger" : "compare.smaller";
        String other = bigger ? "smaller" : "bigger";
        Exchange before = compared(plain, section, pair(a, b), "a", a, "b", b, "c", bigger ? b : a);
        if (w.oneIn(2)) {
          Object[] slots = {"c", bigger ? a : b};
          String question = w.question("compare.other." + other, slots);
          yield new Exchange(
                  Subject.COMPARING, pair(a, b), question, answer("compare." + other, slots))
              .after(before);
        }
        int x = w.below(100);
        int y = x + w.between(1, 50);
        boolean swap = w.oneIn(2);
        Object[] slots = {"a", swap ? y : x, "b", swap ? x : y, "c", bigger ? y : x};
        yield new Exchange(
                Subject.COMPARING,
                pair(x, y),
                w.question("compare.follow", slots),
                answer(section, slots))
            .after(before);
      }
    };
  }
}
