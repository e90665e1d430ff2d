package llada.tokenizer;

import it.unimi.dsi.fastutil.ints.IntArrayList;

/**
 * Cuts a text at the matches of a pattern.
 *
 * @param pattern what to look for
 * @param behavior what becomes of the matches
 * @param invert whether what lies between the matches takes their part, and they its
 */
public record Split(SplitPattern pattern, Behavior behavior, boolean invert) {
  /** What becomes of a match; the names are those of tokenizer.json. */
  public enum Behavior {
    /** It is a piece for itself. */
    ISOLATED,
    /** It is left out. */
    REMOVED,
    /** It ends the piece before it. */
    MERGED_WITH_PREVIOUS,
    /** It begins the piece after it. */
    MERGED_WITH_NEXT,
    /** Matches without anything between them are one piece. */
    CONTIGUOUS
  }

  /** Appends start and end of each piece of a part of the text; none is empty. */
  void pieces(String text, int from, int to, Budget budget, IntArrayList out) {
    IntArrayList starts = new IntArrayList();
    IntArrayList ends = new IntArrayList();
    IntArrayList matched = new IntArrayList();
    RegexMatcher matcher = pattern.matcher(text, from, to, budget);
    int done = from;
    while (matcher.find()) {
      if (done != matcher.start()) {
        add(starts, done, ends, matcher.start(), matched, invert);
      }
      add(starts, matcher.start(), ends, matcher.end(), matched, !invert);
      done = matcher.end();
    }
    if (done != to) {
      add(starts, done, ends, to, matched, invert);
    }
    boolean backwards = behavior == Behavior.MERGED_WITH_NEXT;
    int n = starts.size();
    boolean previous = false;
    int written = out.size();
    for (int k = 0; k < n; k++) {
      int i = backwards ? n - 1 - k : k;
      boolean match = matched.getInt(i) == 1;
      boolean joined =
          switch (behavior) {
            case ISOLATED, REMOVED -> false;
            case CONTIGUOUS -> match == previous;
            case MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT -> match && !previous;
          };
      previous = match;
      if (behavior == Behavior.REMOVED && match) {
        continue;
      }
      if (joined && out.size() > written) {
        out.set(backwards ? out.size() - 2 : out.size() - 1, (backwards ? starts : ends).getInt(i));
      } else {
        out.add(starts.getInt(i));
        out.add(ends.getInt(i));
      }
    }
    tidy(out, written, backwards);
  }

  private static void add(
      IntArrayList starts, int start, IntArrayList ends, int end, IntArrayList matched, boolean m) {
    starts.add(start);
    ends.add(end);
    matched.add(m ? 1 : 0);
  }

  /** Puts the pieces from {@code written} on in order and drops the empty ones. */
  private static void tidy(IntArrayList out, int written, boolean backwards) {
    int n = (out.size() - written) / 2;
    if (backwards) {
      for (int i = 0; i < n / 2; i++) {
        int a = written + 2 * i;
        int b = written + 2 * (n - 1 - i);
        swap(out, a, b);
        swap(out, a + 1, b + 1);
      }
    }
    int kept = written;
    for (int i = written; i < written + 2 * n; i += 2) {
      int start = out.getInt(i);
      int end = out.getInt(i + 1);
      if (start < end) {
        out.set(kept++, start);
        out.set(kept++, end);
      }
    }
    out.size(kept);
  }

  private static void swap(IntArrayList list, int a, int b) {
    int value = list.getInt(a);
    list.set(a, list.getInt(b));
    list.set(b, value);
  }
}
