package llada.server;

import java.util.List;

/**
 * The text of an answer on its way to a client. What was sent never changes, so what may yet do so
 * is held back: bytes that are no character yet, and what may be the beginning of a stop text or of
 * a tag. Text between {@code <think>} at the beginning and {@code </think>} is reasoning.
 */
final class StreamText {
  private static final String OPEN = "<think>";
  private static final String CLOSE = "</think>";

  /**
   * Two texts.
   *
   * @param reasoning what was thought
   * @param content what is said
   */
  record Split(String reasoning, String content) {
    boolean isEmpty() {
      return reasoning.isEmpty() && content.isEmpty();
    }
  }

  private final List<String> stops;
  private final boolean thinks; // whether tags are looked for
  private int firm;
  private int reasoningSent;
  private int contentSent;

  StreamText(List<String> stops, boolean thinks) {
    this.stops = stops;
    this.thinks = thinks;
  }

  /**
   * What is new.
   *
   * @param text what is settled so far
   * @param last whether nothing follows, so that nothing is held back
   */
  Split next(String text, boolean last) {
    String sure = last ? text : held(text);
    firm = sure.length();
    Split all = thinks ? split(sure, last) : new Split("", sure);
    Split fresh =
        new Split(
            all.reasoning().substring(Math.min(reasoningSent, all.reasoning().length())),
            all.content().substring(Math.min(contentSent, all.content().length())));
    reasoningSent += fresh.reasoning().length();
    contentSent += fresh.content().length();
    return fresh;
  }

  /** Characters of the last text that were not held back. */
  int firm() {
    return firm;
  }

  /** Without the beginning of a stop text, or of a character, at its end. */
  private String held(String text) {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == '\uFFFD') {
      end--;
    }
    String whole = text.substring(0, end);
    for (String stop : stops) {
      end = Math.min(end, whole.length() - overlap(whole, stop));
    }
    return text.substring(0, end);
  }

  /** Characters at the end of a text that begin the other. */
  private static int overlap(String text, String begun) {
    int most = Math.min(text.length(), begun.length() - 1);
    while (most > 0 && !text.endsWith(begun.substring(0, most))) {
      most--;
    }
    return most;
  }

  /** A whole text in two. */
  static Split split(String text) {
    return split(text, true);
  }

  private static Split split(String text, boolean last) {
    String said = text.stripLeading();
    if (!said.startsWith(OPEN)) {
      return !last && OPEN.startsWith(said) ? new Split("", "") : new Split("", text);
    }
    int from = OPEN.length();
    int to = said.indexOf(CLOSE);
    if (to < 0) {
      int held = last ? 0 : overlap(said, CLOSE);
      return new Split(said.substring(from, Math.max(from, said.length() - held)), "");
    }
    return new Split(said.substring(from, to), said.substring(to + CLOSE.length()).stripLeading());
  }
}
