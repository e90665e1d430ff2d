package llada.tokenizer;

import java.util.BitSet;
import java.util.List;

/** The parts of a regular expression. */
sealed interface RegexNode {
  /** One code point of a set. */
  record Set(BitSet members) implements RegexNode {}

  /** One after the other; without parts, the empty string. */
  record Sequence(List<RegexNode> parts) implements RegexNode {}

  /** The first that leads to a match. */
  record Choice(List<RegexNode> options) implements RegexNode {}

  /** From {@code min} to {@code max} times; {@link #MANY} is no limit. */
  record Repeat(RegexNode body, int min, int max, boolean greedy) implements RegexNode {}

  /** The first match of the body, never another one: {@code (?>...)} and possessive repetition. */
  record Atomic(RegexNode body) implements RegexNode {}

  /** Whether the body matches here, without moving on. */
  record LookAhead(RegexNode body, boolean wanted) implements RegexNode {}

  /** A condition on the position. */
  record Anchor(Place place) implements RegexNode {}

  /** Positions in a text. */
  enum Place {
    LINE_START,
    LINE_END,
    TEXT_START,
    TEXT_END,
    TEXT_END_OR_LAST_NEWLINE,
    WORD_BOUNDARY,
    NO_WORD_BOUNDARY
  }

  /** An unlimited number of repetitions. */
  int MANY = Integer.MAX_VALUE;

  /** Whether this can match the empty string. */
  default boolean nullable() {
    return switch (this) {
      case Set s -> false;
      case Sequence s -> s.parts().stream().allMatch(RegexNode::nullable);
      case Choice c -> c.options().stream().anyMatch(RegexNode::nullable);
      case Repeat r -> r.min() == 0 || r.body().nullable();
      case Atomic a -> a.body().nullable();
      case LookAhead l -> true;
      case Anchor a -> true;
    };
  }

  /** The code points with which a match of this can begin, where that is not empty. */
  default BitSet first() {
    BitSet first = new BitSet();
    switch (this) {
      case Set s -> first.or(s.members());
      case Sequence s -> {
        for (RegexNode part : s.parts()) {
          first.or(part.first());
          if (!part.nullable()) {
            break;
          }
        }
      }
      case Choice c -> c.options().forEach(o -> first.or(o.first()));
      case Repeat r -> first.or(r.body().first());
      case Atomic a -> first.or(a.body().first());
      case LookAhead l -> {}
      case Anchor a -> {}
    }
    return first;
  }
}
