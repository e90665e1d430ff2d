package llada.api;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A text with gaps: {@code {8}} is one of eight tokens, {@code {}} one of a length yet to be found.
 * A brace of the text itself is written twice, {@code {{} or {@code }}}.
 *
 * @param pieces (G + 1) the text before, between and behind the gaps
 * @param lengths (G) tokens; 0 where open
 */
public record InfillTemplate(List<String> pieces, int[] lengths) {
  private static final Pattern PART = Pattern.compile("\\{\\{|\\}\\}|\\{(\\d*)\\}|[{}]");

  /**
   * Reads a template.
   *
   * @param exact whether a space before a gap stays where it is; else it becomes part of the gap:
   *     words are mostly tokens that begin with their space
   * @throws RequestException if there is no gap, or a brace that is none
   */
  public static InfillTemplate parse(String text, boolean exact) {
    List<String> pieces = new ArrayList<>();
    List<Integer> lengths = new ArrayList<>();
    StringBuilder piece = new StringBuilder();
    int from = 0;
    for (Matcher part = PART.matcher(Request.given(text, "the text")); part.find(); ) {
      piece.append(text, from, part.start());
      from = part.end();
      String found = part.group();
      if (found.equals("{{") || found.equals("}}")) {
        piece.append(found.charAt(0));
      } else if (found.length() == 1) {
        throw new RequestException(
            "a single %s at character %d; write {} or {8} for a gap and %s for the brace itself"
                .formatted(found, part.start() + 1, found + found));
      } else {
        lengths.add(length(part.group(1)));
        pieces.add(beforeGap(piece.toString(), exact));
        piece.setLength(0);
      }
    }
    if (lengths.isEmpty()) {
      throw new RequestException(
          "the text has no gap; write {} where words are missing, or {8} for eight tokens");
    }
    pieces.add(piece + text.substring(from));
    return new InfillTemplate(pieces, lengths.stream().mapToInt(Integer::intValue).toArray());
  }

  /** The text with its gaps filled. */
  public String filled(List<String> fills) {
    StringBuilder whole = new StringBuilder(pieces.getFirst());
    for (int i = 0; i < fills.size(); i++) {
      whole.append(fills.get(i)).append(pieces.get(i + 1));
    }
    return whole.toString();
  }

  private static String beforeGap(String piece, boolean exact) {
    return !exact && piece.endsWith(" ") ? piece.substring(0, piece.length() - 1) : piece;
  }

  private static int length(String digits) {
    if (digits.isEmpty()) {
      return 0;
    }
    int length = digits.length() > 6 ? Integer.MAX_VALUE : Integer.parseInt(digits);
    if (length < 1 || length > 1_000_000) {
      throw new RequestException(
          "a gap of {%s} tokens; a gap has at least one, and no more than the model takes"
              .formatted(digits));
    }
    return length;
  }
}
