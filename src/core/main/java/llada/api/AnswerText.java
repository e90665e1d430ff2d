package llada.api;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import llada.diffusion.Generation;
import llada.model.LladaConfig;
import llada.tokenizer.Tokenizer;

/** Turns a half-unmasked answer into pieces of text that can be drawn. */
public final class AnswerText {
  /** How a mask is drawn. */
  public static final String MASK = "░";

  /** How an end token is drawn. */
  public static final String END = "·";

  /** A character of UTF-8 has at most four bytes, so at most four tokens share one. */
  private static final int LONGEST_SPLIT = 4;

  private static final String BROKEN = "\uFFFD";

  private final LladaConfig config;
  private final Function<int[], String> decode;
  private final Function<int[], String> plain;

  AnswerText(LladaConfig config, Tokenizer tokenizer) {
    this(
        config,
        ids -> Framing.text(tokenizer, ids, false),
        ids -> Framing.text(tokenizer, ids, true));
  }

  /**
   * By any way of decoding.
   *
   * @param decode tokens to text, special ones included
   * @param plain the same without them
   */
  public AnswerText(
      LladaConfig config, Function<int[], String> decode, Function<int[], String> plain) {
    this.config = config;
    this.decode = decode;
    this.plain = plain;
  }

  /**
   * The answer in pieces.
   *
   * @param generation of one sequence
   * @param revealed the positions unmasked in the last step
   */
  public List<Step.Piece> pieces(Generation generation, int[] revealed) {
    int[] row = generation.x()[0];
    double[] confidence = generation.confidence()[0];
    Set<Integer> fresh = new HashSet<>();
    for (int position : revealed) {
      fresh.add(position);
    }
    List<Step.Piece> pieces = new ArrayList<>();
    int at = generation.promptLength();
    while (at < row.length) {
      if (config.isMask(row[at])) {
        pieces.add(new Step.Piece(MASK, Step.State.MASKED, 0));
        at++;
      } else if (config.ends(row[at])) {
        pieces.add(new Step.Piece(END, Step.State.END, confidence[at]));
        at++;
      } else {
        int end = wholeCharacters(row, at);
        boolean anyFresh = false;
        double least = 1;
        for (int i = at; i < end; i++) {
          anyFresh |= fresh.contains(i);
          least = Math.min(least, confidence[i]);
        }
        String text = decode.apply(Arrays.copyOfRange(row, at, end));
        Step.State state = anyFresh ? Step.State.NEW : Step.State.KEPT;
        pieces.add(new Step.Piece(printable(text), state, least));
        at = end;
      }
    }
    return pieces;
  }

  /**
   * The text of each token: none for masks and ends, and where several only together make whole
   * characters the first of them has it.
   */
  public List<String> ofEach(int[] ids) {
    List<String> texts = new ArrayList<>();
    while (texts.size() < ids.length) {
      int at = texts.size();
      boolean silent = config.isMask(ids[at]) || config.ends(ids[at]);
      int end = silent ? at + 1 : wholeCharacters(ids, at);
      texts.add(silent ? "" : decode.apply(Arrays.copyOfRange(ids, at, end)));
      texts.addAll(Collections.nCopies(end - at - 1, ""));
    }
    return texts;
  }

  /** The end of the shortest run of tokens from {@code at} that decodes to whole characters. */
  private int wholeCharacters(int[] row, int at) {
    for (int end = at + 1; end <= Math.min(row.length, at + LONGEST_SPLIT); end++) {
      int last = row[end - 1];
      if (config.isMask(last) || config.ends(last)) {
        break;
      }
      if (!decode.apply(Arrays.copyOfRange(row, at, end)).contains(BROKEN)) {
        return end;
      }
    }
    return at + 1;
  }

  /** The text of tokens, without special ones. */
  String plain(int[] ids) {
    return plain.apply(ids);
  }

  /** Text that cannot command the terminal: control characters other than line breaks are shown. */
  public static String printable(String text) {
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
