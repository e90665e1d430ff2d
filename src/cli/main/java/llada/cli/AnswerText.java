package llada.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import llada.model.LladaConfig;

/** Turns a half-unmasked answer into pieces of text that can be drawn. */
final class AnswerText {
  /** What a piece is. */
  enum State {
    /** Still masked. */
    MASKED,
    /** Unmasked in this step. */
    NEW,
    /** Unmasked before. */
    KEPT,
    /** An end token; those after it say nothing either. */
    END
  }

  /**
   * One token, or several that only together make whole characters.
   *
   * @param text without control characters except line breaks
   * @param state how to draw it
   */
  record Piece(String text, State state) {}

  static final String MASK = "░";
  static final String END = "·";

  /** A character of UTF-8 has at most four bytes, so at most four tokens share one. */
  private static final int LONGEST_SPLIT = 4;

  private static final String BROKEN = "\uFFFD";

  private final LladaConfig config;
  private final Function<int[], String> decode;

  AnswerText(LladaConfig config, Function<int[], String> decode) {
    this.config = config;
    this.decode = decode;
  }

  /**
   * The answer in pieces.
   *
   * @param row prompt and answer
   * @param from where the answer begins
   * @param revealed the positions unmasked in this step
   */
  List<Piece> pieces(int[] row, int from, int[] revealed) {
    Set<Integer> fresh = new HashSet<>();
    for (int position : revealed) {
      fresh.add(position);
    }
    List<Piece> pieces = new ArrayList<>();
    int at = from;
    while (at < row.length) {
      if (row[at] == config.maskTokenId()) {
        pieces.add(new Piece(MASK, State.MASKED));
        at++;
      } else if (Answer.isEnd(row[at], config)) {
        pieces.add(new Piece(END, State.END));
        at++;
      } else {
        int end = wholeCharacters(row, at);
        boolean anyFresh = false;
        for (int i = at; i < end; i++) {
          anyFresh |= fresh.contains(i);
        }
        String text = decode.apply(Arrays.copyOfRange(row, at, end));
        pieces.add(new Piece(printable(text), anyFresh ? State.NEW : State.KEPT));
        at = end;
      }
    }
    return pieces;
  }

  /**
   * How many steps there will be: {@code planned}, or no more than were made if all is unmasked.
   */
  static int steps(List<Piece> pieces, int made, int planned) {
    return pieces.stream().anyMatch(piece -> piece.state() == State.MASKED) ? planned : made;
  }

  /** The end of the shortest run of tokens from {@code at} that decodes to whole characters. */
  private int wholeCharacters(int[] row, int at) {
    for (int end = at + 1; end <= Math.min(row.length, at + LONGEST_SPLIT); end++) {
      int last = row[end - 1];
      if (last == config.maskTokenId() || Answer.isEnd(last, config)) {
        break;
      }
      if (!decode.apply(Arrays.copyOfRange(row, at, end)).contains(BROKEN)) {
        return end;
      }
    }
    return at + 1;
  }

  /** Text that cannot command the terminal: control characters other than line breaks are shown. */
  static String printable(String text) {
    StringBuilder safe = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c -> {
              if (c == '\t') {
                safe.append("    ");
              } else if (c == '\n' || !Character.isISOControl(c)) {
                safe.appendCodePoint(c);
              } else if (c != '\r') {
                safe.append(BROKEN);
              }
            });
    return safe.toString();
  }
}
