package llada.tokenizer;

import java.util.BitSet;

/**
 * Reads the inside of {@code [...]}: ranges, escapes, nested sets, {@code &&}, {@code [:alpha:]}.
 */
final class RegexClassParser {
  private static final int MAX_DEPTH = 20;

  private final RegexParser pattern;
  private int depth;

  RegexClassParser(RegexParser pattern) {
    this.pattern = pattern;
  }

  /** The members of the set; its opening bracket has been read. */
  BitSet members() {
    if (++depth > MAX_DEPTH) {
      throw pattern.wrong("sets nested more than " + MAX_DEPTH + " deep");
    }
    boolean negated = pattern.next("^");
    BitSet all = null; // of the operands of && so far
    BitSet here = new BitSet();
    boolean first = true;
    while (first || !pattern.next("]")) {
      if (pattern.next("&&")) {
        all = and(all, here);
        here = new BitSet();
      } else {
        item(here);
      }
      first = false;
    }
    depth--;
    BitSet members = pattern.cased(and(all, here));
    return negated ? pattern.complement(members) : members;
  }

  private static BitSet and(BitSet all, BitSet here) {
    if (all != null) {
      here.and(all);
    }
    return here;
  }

  /** Adds one character, range or set. */
  private void item(BitSet members) {
    int c = pattern.codePoint();
    BitSet set;
    if (c == '[') {
      set = pattern.next(":") ? named() : members();
    } else if (c == '\\') {
      int escape = pattern.codePoint();
      set = escape == 'b' ? RegexParser.single('\b') : pattern.escaped(escape);
    } else {
      set = RegexParser.single(c);
    }
    boolean range = set.cardinality() == 1 && c != '[' && pattern.rangeFollows();
    if (!range) {
      members.or(set);
      return;
    }
    pattern.next("-");
    int low = set.nextSetBit(0);
    int high = pattern.codePoint();
    if (high == '\\') {
      BitSet end = pattern.escaped(pattern.codePoint());
      if (end.cardinality() != 1) {
        throw pattern.wrong("a range that ends in a set");
      }
      high = end.nextSetBit(0);
    }
    if (low > high) {
      throw pattern.wrong("a range in descending order");
    }
    members.set(low, high + 1);
  }

  private BitSet named() {
    boolean negated = pattern.next("^");
    StringBuilder name = new StringBuilder();
    while (!pattern.next(":]")) {
      name.appendCodePoint(pattern.codePoint());
    }
    BitSet members = CharSet.property((negated ? "^" : "") + name);
    if (members == null) {
      throw pattern.wrong("the unknown set " + TokenizerException.shown("[:" + name + ":]"));
    }
    return members;
  }
}
