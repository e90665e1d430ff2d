package llada.tokenizer;

/**
 * A regular expression from a tokenizer file: Oniguruma's syntax and meaning, and safe to run on
 * any text. {@code java.util.regex} is not: it recurses on repeated groups, and a hostile pattern
 * can keep it busy for ever. Here a pattern becomes a small program; {@link RegexMatcher} runs it
 * with a stack of its own and a limit on the steps.
 */
final class Regex {
  /** What an instruction does; x and y are its operands. */
  enum Op {
    /** One code point of set x. */
    SET,
    /** Code points of set x, from y to z of them, as many as possible, fewer if need be. */
    RUN,
    /** The same, but never fewer. */
    RUN_ATOMIC,
    /** Goes on, and at x if that fails. */
    SPLIT,
    /** Goes on at x, and here if that fails. */
    SPLIT_LAZY,
    /** Goes on at x if the next code point is not in set y; otherwise as SPLIT. */
    SPLIT_FIRST,
    JUMP,
    /** Notes the position in register x. */
    MARK,
    /** Goes to x if the position is still the one in register y: an empty round ends a loop. */
    CHECK,
    /** Runs the program that follows, up to MATCH; goes to x if it succeeded, as y (0, 1) wants. */
    LOOK_AHEAD,
    /** Runs the program that follows, up to MATCH; goes to x at its end if it succeeded. */
    ATOMIC,
    /** Place number x must be here. */
    ANCHOR,
    MATCH
  }

  /**
   * The program: instruction {@code i} is {@code ops[i]} with operands {@code x[i], y[i], z[i]}.
   */
  final Op[] ops;

  final int[] x;
  final int[] y;
  final int[] z;
  final CharSet[] sets;
  final RegexNode.Place[] places;
  final int registers;

  private final String pattern;

  private Regex(String pattern, RegexNode node) {
    this.pattern = pattern;
    RegexCompiler compiler = new RegexCompiler(pattern, node);
    ops = compiler.ops.toArray(new Op[0]);
    x = compiler.x.toIntArray();
    y = compiler.y.toIntArray();
    z = compiler.z.toIntArray();
    sets = compiler.sets.toArray(new CharSet[0]);
    places = compiler.places.toArray(new RegexNode.Place[0]);
    registers = compiler.registers;
  }

  /**
   * Compiles a pattern.
   *
   * @throws TokenizerException if it is wrong, too large or uses what is not supported
   */
  static Regex compile(String pattern) {
    return new Regex(pattern, RegexParser.parse(pattern));
  }

  /** A pattern that matches exactly this text. */
  static Regex literal(String text) {
    return new Regex(text, RegexParser.literal(text));
  }

  @Override
  public String toString() {
    return pattern;
  }
}
