package llada.tokenizer;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Reads the part of Oniguruma's syntax that tokenizers use; what is beyond it is refused by name.
 *
 * <p>Two traps of that syntax: {@code {n,m}+} is no possessive quantifier but a repetition of the
 * repetition, and {@code {n}?} means "n times or not at all". {@code ^} and {@code $} stand for the
 * bounds of lines, always.
 */
final class RegexParser {
  private static final int MAX_LENGTH = 4096;
  private static final int MAX_COMPLEMENTS = 200; // each takes 136 KiB
  private static final int MAX_DEPTH = 50;
  private static final int MAX_COUNT = 100_000;

  private final String pattern;
  private int at;
  private int depth;
  private int complements;
  private boolean ignoreCase;
  private boolean dotAll;

  private RegexParser(String pattern) {
    this.pattern = pattern;
  }

  /**
   * Parses a pattern.
   *
   * @throws TokenizerException if it is wrong or uses what is not supported
   */
  static RegexNode parse(String pattern) {
    if (pattern.length() > MAX_LENGTH) {
      throw new TokenizerException(
          "a pattern of %d characters; at most %d are accepted"
              .formatted(pattern.length(), MAX_LENGTH));
    }
    RegexParser parser = new RegexParser(Utf8.wellFormed(pattern));
    RegexNode node = parser.choice();
    if (parser.at < pattern.length()) {
      throw parser.wrong("a ')' without a '('");
    }
    return node;
  }

  /** A node that matches exactly this text. */
  static RegexNode literal(String text) {
    List<RegexNode> parts = new ArrayList<>();
    text.codePoints().forEach(c -> parts.add(new RegexNode.Set(single(c))));
    return new RegexNode.Sequence(parts);
  }

  TokenizerException wrong(String what) {
    return new TokenizerException(
        "pattern %s: %s at character %d"
            .formatted(TokenizerException.shown(pattern), what, Math.min(at, pattern.length())));
  }

  TokenizerException unsupported(String what) {
    return wrong(what + " is not supported by this tokenizer; found");
  }

  boolean more() {
    return at < pattern.length();
  }

  boolean next(String text) {
    if (pattern.startsWith(text, at)) {
      at += text.length();
      return true;
    }
    return false;
  }

  int codePoint() {
    if (!more()) {
      throw wrong("an unexpected end");
    }
    int c = pattern.codePointAt(at);
    at += Character.charCount(c);
    return c;
  }

  /** Whether a hyphen comes here that is neither the last of its set nor before another set. */
  boolean rangeFollows() {
    return at + 1 < pattern.length()
        && pattern.charAt(at) == '-'
        && pattern.charAt(at + 1) != ']'
        && pattern.charAt(at + 1) != '[';
  }

  private RegexNode choice() {
    if (++depth > MAX_DEPTH) {
      throw wrong("groups nested more than " + MAX_DEPTH + " deep");
    }
    List<RegexNode> options = new ArrayList<>();
    do {
      options.add(sequence());
    } while (next("|"));
    depth--;
    return options.size() == 1 ? options.getFirst() : new RegexNode.Choice(options);
  }

  private RegexNode sequence() {
    List<RegexNode> parts = new ArrayList<>();
    while (more() && pattern.charAt(at) != '|' && pattern.charAt(at) != ')') {
      RegexNode atom = atom();
      if (atom != null) {
        parts.add(quantified(atom));
      }
    }
    return parts.size() == 1 ? parts.getFirst() : new RegexNode.Sequence(parts);
  }

  private RegexNode quantified(RegexNode node) {
    int quantifiers = 0;
    while (more()) {
      int min;
      int max;
      boolean counted = false;
      if (next("*")) {
        min = 0;
        max = RegexNode.MANY;
      } else if (next("+")) {
        min = 1;
        max = RegexNode.MANY;
      } else if (next("?")) {
        min = 0;
        max = 1;
      } else {
        int[] counts = counts();
        if (counts == null) {
          break;
        }
        min = counts[0];
        max = counts[1];
        counted = true;
      }
      if (++quantifiers > MAX_DEPTH) {
        throw wrong("more than " + MAX_DEPTH + " quantifiers in a row");
      }
      if (counted && min == max && next("?")) {
        node = new RegexNode.Repeat(new RegexNode.Repeat(node, min, max, true), 0, 1, true);
      } else if (next("?")) {
        node = new RegexNode.Repeat(node, min, max, false);
      } else if (!counted && next("+")) {
        node = new RegexNode.Atomic(new RegexNode.Repeat(node, min, max, true));
      } else {
        node = new RegexNode.Repeat(node, min, max, true);
      }
    }
    return node;
  }

  /**
   * The counts of {@code {n}}, {@code {n,}}, {@code {,m}} or {@code {n,m}}; null if none is here.
   */
  private int[] counts() {
    int close = pattern.startsWith("{", at) ? pattern.indexOf('}', at) : -1;
    String inside = close < 0 ? "" : pattern.substring(at + 1, close);
    if (!inside.matches("[0-9]{1,9}|[0-9]{1,9},[0-9]{0,9}|,[0-9]{1,9}")) {
      return null; // Oniguruma takes such a brace as itself
    }
    int comma = inside.indexOf(',');
    String low = comma < 0 ? inside : inside.substring(0, comma);
    String high = comma < 0 ? inside : inside.substring(comma + 1);
    int min = low.isEmpty() ? 0 : Integer.parseInt(low);
    int max = high.isEmpty() ? RegexNode.MANY : Integer.parseInt(high);
    if (min > MAX_COUNT || max != RegexNode.MANY && max > MAX_COUNT || min > max) {
      throw wrong("repetition {" + inside + "} (at most " + MAX_COUNT + ", in ascending order)");
    }
    at = close + 1;
    return new int[] {min, max};
  }

  private RegexNode atom() {
    int c = codePoint();
    return switch (c) {
      case '(' -> group();
      case '[' -> new RegexNode.Set(new RegexClassParser(this).members());
      case '.' -> new RegexNode.Set(dotAll ? CharSet.property("any") : complement(single('\n')));
      case '^' -> new RegexNode.Anchor(RegexNode.Place.LINE_START);
      case '$' -> new RegexNode.Anchor(RegexNode.Place.LINE_END);
      case '*', '+', '?' -> throw wrong("a quantifier with nothing to repeat");
      case '\\' -> escape();
      default -> new RegexNode.Set(cased(single(c)));
    };
  }

  private RegexNode group() {
    boolean outerCase = ignoreCase;
    boolean outerDot = dotAll;
    RegexNode node;
    if (!next("?")) {
      node = choice();
    } else if (next(":")) {
      node = choice();
    } else if (next("=")) {
      node = new RegexNode.LookAhead(choice(), true);
    } else if (next("!")) {
      node = new RegexNode.LookAhead(choice(), false);
    } else if (next(">")) {
      node = new RegexNode.Atomic(choice());
    } else if (next("#")) {
      while (codePoint() != ')') {}
      return null;
    } else if (pattern.startsWith("<", at)) {
      throw unsupported("looking behind, and a named group,");
    } else {
      boolean rest = options();
      node = choice(); // "(?i)" holds to the end of the group that it stands in
      if (rest) {
        ignoreCase = outerCase;
        dotAll = outerDot;
        return node;
      }
    }
    if (!next(")")) {
      throw wrong("a '(' without a ')'");
    }
    ignoreCase = outerCase;
    dotAll = outerDot;
    return node;
  }

  /** Reads "i:" or "i-m)" after "(?"; true if the parenthesis closed at once. */
  private boolean options() {
    boolean on = true;
    while (true) {
      switch (codePoint()) {
        case '-' -> on = false;
        case 'i' -> ignoreCase = on;
        case 'm' -> dotAll = on;
        case ':' -> {
          return false;
        }
        case ')' -> {
          return true;
        }
        default -> throw unsupported("this kind of group");
      }
    }
  }

  private RegexNode escape() {
    int c = codePoint();
    return switch (c) {
      case 'A' -> new RegexNode.Anchor(RegexNode.Place.TEXT_START);
      case 'z' -> new RegexNode.Anchor(RegexNode.Place.TEXT_END);
      case 'Z' -> new RegexNode.Anchor(RegexNode.Place.TEXT_END_OR_LAST_NEWLINE);
      case 'b' -> new RegexNode.Anchor(RegexNode.Place.WORD_BOUNDARY);
      case 'B' -> new RegexNode.Anchor(RegexNode.Place.NO_WORD_BOUNDARY);
      default -> {
        BitSet members = escaped(c);
        yield new RegexNode.Set(members.cardinality() == 1 ? cased(members) : members);
      }
    };
  }

  /** The set that an escape stands for, its first character after the backslash being given. */
  BitSet escaped(int c) {
    return switch (c) {
      case 't' -> single('\t');
      case 'n' -> single('\n');
      case 'r' -> single('\r');
      case 'f' -> single('\f');
      case 'v' -> single(0x0B);
      case 'a' -> single(0x07);
      case 'e' -> single(0x1B);
      case 'd' -> CharSet.property("digit");
      case 'D' -> CharSet.property("^digit");
      case 's' -> CharSet.property("space");
      case 'S' -> CharSet.property("^space");
      case 'w' -> CharSet.property("word");
      case 'W' -> CharSet.property("^word");
      case 'h' -> CharSet.property("xdigit");
      case 'H' -> CharSet.property("^xdigit");
      case 'p' -> property(false);
      case 'P' -> property(true);
      case 'x' -> single(next("{") ? hex(1, 8, true) : hex(1, 2, false));
      case 'u' -> single(hex(4, 4, false));
      default -> {
        if (c < 0x80 && Character.isLetterOrDigit(c)) {
          throw unsupported("\\" + Character.toString(c));
        }
        yield single(c);
      }
    };
  }

  private BitSet property(boolean negated) {
    int close = next("{") ? pattern.indexOf('}', at) : -1;
    if (close < 0) {
      throw wrong("\\p without a name in braces");
    }
    boolean not = next("^") != negated;
    String name = pattern.substring(at, close);
    BitSet members = CharSet.property(name);
    if (members == null) {
      throw wrong("the unknown property " + TokenizerException.shown(name));
    }
    at = close + 1;
    return not ? CharSet.property("^" + name) : members;
  }

  private int hex(int least, int most, boolean braces) {
    int value = 0;
    int digits = 0;
    while (digits < most && more() && Character.digit(pattern.charAt(at), 16) >= 0) {
      value = value << 4 | Character.digit(pattern.charAt(at++), 16);
      digits++;
    }
    if (digits < least || braces && !next("}") || !Character.isValidCodePoint(value)) {
      throw wrong("a wrong hexadecimal number");
    }
    return value;
  }

  /** Everything outside the set; their number is limited, and with it the memory. */
  BitSet complement(BitSet members) {
    if (++complements > MAX_COMPLEMENTS) {
      throw wrong("more than " + MAX_COMPLEMENTS + " negated sets");
    }
    return CharSet.complement(members);
  }

  BitSet cased(BitSet members) {
    return ignoreCase ? CharSet.ignoringCase(members) : members;
  }

  static BitSet single(int c) {
    BitSet set = new BitSet();
    set.set(c);
    return set;
  }
}
