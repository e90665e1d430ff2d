package llada.tokenizer;

import java.util.Arrays;
import llada.tokenizer.Regex.Op;

/**
 * Runs a {@link Regex} over one part of a text by backtracking: like Oniguruma, the first way to
 * match counts, not the longest. What is still to be tried lies on a stack of ints, so no text is
 * too long for the Java stack; every step is counted, so no pattern runs for ever.
 */
final class RegexMatcher {
  private static final int MAX_STACK = 30_000_000; // ints; a million rounds of a loop need nine
  private static final int FAIL = -1;

  private final Regex regex;
  private final Op[] ops;
  private final int[] x;
  private final int[] y;
  private final int[] z;
  private final CharSet[] sets;
  private final RegexNode.Place[] places;
  private final int[] register;
  private final Budget budget;
  private final String text;
  private final int from;
  private final int to;

  // Entries of three: instruction, position, and for a RUN the lowest position to fall back to.
  private int[] stack = new int[96];
  private int top;

  private int start;
  private int end;
  private int searchAt;
  private int lastEnd = FAIL;

  /**
   * A matcher for the characters from {@code from} to {@code to}, which are to it the whole text.
   */
  RegexMatcher(Regex regex, String text, int from, int to, Budget budget) {
    this.regex = regex;
    ops = regex.ops;
    x = regex.x;
    y = regex.y;
    z = regex.z;
    sets = regex.sets;
    places = regex.places;
    register = new int[regex.registers];
    this.text = text;
    this.from = from;
    this.to = to;
    this.budget = budget;
    searchAt = from;
  }

  int start() {
    return start;
  }

  int end() {
    return end;
  }

  /**
   * Looks for the next match. As in Oniguruma's iterator, a match is not empty where the one before
   * ended.
   *
   * @throws TokenizerException if the pattern takes too many steps
   */
  boolean find() {
    while (searchAt <= to) {
      int at = searchAt;
      int found = run(0, at);
      if (found != FAIL && !(found == at && found == lastEnd)) {
        start = at;
        end = found;
        lastEnd = found;
        searchAt = found;
        return true;
      }
      searchAt += at < to ? Character.charCount(text.codePointAt(at)) : 1;
    }
    return false;
  }

  /** Runs the program at {@code pc} and returns where the match ends, or FAIL. */
  private int run(int pc, int position) {
    int base = top;
    int at = position;
    while (true) {
      spend(1);
      boolean ok = true;
      switch (ops[pc]) {
        case SET -> {
          int c = codePoint(at);
          ok = c >= 0 && sets[x[pc]].contains(c);
          at += c >= 0x10000 ? 2 : 1;
          pc++;
        }
        case RUN, RUN_ATOMIC -> {
          int least = advance(sets[x[pc]], at, y[pc]);
          ok = least != FAIL;
          if (ok) {
            at = furthest(sets[x[pc]], least, z[pc] == RegexNode.MANY ? z[pc] : z[pc] - y[pc]);
            if (ops[pc] == Op.RUN && at > least) {
              push(pc + 1, before(at), least);
            }
            pc++;
          }
        }
        case SPLIT -> {
          push(x[pc], at, FAIL);
          pc++;
        }
        case SPLIT_LAZY -> {
          push(pc + 1, at, FAIL);
          pc = x[pc];
        }
        case SPLIT_FIRST -> {
          int c = codePoint(at);
          if (c >= 0 && sets[y[pc]].contains(c)) {
            push(x[pc], at, FAIL);
            pc++;
          } else {
            pc = x[pc];
          }
        }
        case JUMP -> pc = x[pc];
        case MARK -> {
          push(FAIL - 1 - x[pc], register[x[pc]], FAIL); // to restore it on the way back
          register[x[pc]] = at;
          pc++;
        }
        case CHECK -> pc = register[y[pc]] == at ? x[pc] : pc + 1;
        case LOOK_AHEAD -> {
          ok = (run(pc + 1, at) != FAIL) == (y[pc] == 1);
          pc = x[pc];
        }
        case ATOMIC -> {
          int after = run(pc + 1, at);
          ok = after != FAIL;
          at = after;
          pc = x[pc];
        }
        case ANCHOR -> {
          ok = anchored(places[x[pc]], at);
          pc++;
        }
        case MATCH -> {
          unwind(base);
          return at;
        }
      }
      if (!ok) {
        while (top > base && stack[top - 3] < FAIL) {
          popRegister();
        }
        if (top == base) {
          return FAIL;
        }
        pc = stack[top - 3];
        at = stack[top - 2];
        int lowest = stack[top - 1];
        if (lowest != FAIL && at > lowest) {
          stack[top - 2] = before(at);
        } else {
          top -= 3;
        }
      }
    }
  }

  /** Drops what is left to try above {@code base}; registers keep no trace of a finished part. */
  private void unwind(int base) {
    while (top > base) {
      if (stack[top - 3] < FAIL) {
        popRegister();
      } else {
        top -= 3;
      }
    }
  }

  private void popRegister() {
    register[FAIL - 1 - stack[top - 3]] = stack[top - 2];
    top -= 3;
  }

  private void push(int pc, int position, int lowest) {
    if (top + 3 > stack.length) {
      if (stack.length >= MAX_STACK) {
        throw tooHard();
      }
      stack = Arrays.copyOf(stack, stack.length * 2);
    }
    stack[top] = pc;
    stack[top + 1] = position;
    stack[top + 2] = lowest;
    top += 3;
  }

  private void spend(int steps) {
    if (!budget.spend(steps)) {
      throw tooHard();
    }
  }

  private TokenizerException tooHard() {
    return new TokenizerException(
        ("pattern %s takes too many steps on a text of %d characters; it backtracks without end or"
                + " the text has to be given in smaller parts")
            .formatted(TokenizerException.shown(regex.toString()), to - from));
  }

  private int codePoint(int at) {
    if (at >= to) {
      return FAIL;
    }
    char c = text.charAt(at);
    return Character.isHighSurrogate(c) ? text.codePointAt(at) : c;
  }

  private int before(int at) {
    return at - (Character.isLowSurrogate(text.charAt(at - 1)) ? 2 : 1);
  }

  /** The position after exactly {@code count} members, or FAIL. */
  private int advance(CharSet set, int at, int count) {
    for (int i = 0; i < count; i++) {
      int c = codePoint(at);
      if (c < 0 || !set.contains(c)) {
        spend(i);
        return FAIL;
      }
      at += c >= 0x10000 ? 2 : 1;
    }
    spend(count);
    return at;
  }

  /** The position after as many members as there are, at most {@code count}. */
  private int furthest(CharSet set, int at, int count) {
    int begin = at;
    for (int i = 0; i < count; i++) {
      int c = codePoint(at);
      if (c < 0 || !set.contains(c)) {
        break;
      }
      at += c >= 0x10000 ? 2 : 1;
    }
    spend(at - begin);
    return at;
  }

  private boolean anchored(RegexNode.Place place, int at) {
    return switch (place) {
      case LINE_START -> at == from || at < to && text.charAt(at - 1) == '\n';
      case LINE_END -> at == to || text.charAt(at) == '\n';
      case TEXT_START -> at == from;
      case TEXT_END -> at == to;
      case TEXT_END_OR_LAST_NEWLINE -> at == to || at == to - 1 && text.charAt(at) == '\n';
      case WORD_BOUNDARY -> wordBefore(at) != wordAfter(at);
      case NO_WORD_BOUNDARY -> wordBefore(at) == wordAfter(at);
    };
  }

  private boolean wordBefore(int at) {
    return at > from && CharSet.Words.WORD.contains(text.codePointBefore(at));
  }

  private boolean wordAfter(int at) {
    return at < to && CharSet.Words.WORD.contains(text.codePointAt(at));
  }
}
