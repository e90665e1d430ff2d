package llada.api;

import java.util.List;

/**
 * An answer in the making, after one step.
 *
 * @param number of the step, from 1
 * @param of how many there are at most; 0 where the text decides
 * @param pieces the answer, ready to be drawn
 */
public record Step(int number, int of, List<Piece> pieces) {
  /** What a piece is. */
  public enum State {
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
   * @param confidence probability of the least sure of its tokens when it was committed; 0 for a
   *     mask
   */
  public record Piece(String text, State state, double confidence) {}

  /** How many steps there will be: no more where all is unmasked, {@link #of} else. */
  public int most() {
    boolean open = pieces.stream().anyMatch(piece -> piece.state() == State.MASKED);
    return open ? Math.max(of, number) : number;
  }

  /** All pieces one after the other, masks as blocks of shade. */
  public String text() {
    StringBuilder text = new StringBuilder();
    pieces.forEach(piece -> text.append(piece.text()));
    return text.toString();
  }
}
