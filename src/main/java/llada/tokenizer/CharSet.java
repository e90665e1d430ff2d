package llada.tokenizer;

import java.util.BitSet;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * An immutable set of code points as a bitmap. The names of properties and their members are those
 * of Oniguruma, the engine behind the published tokenizer's patterns, with the Unicode tables of
 * the JDK.
 */
final class CharSet {
  static final int ALL = Character.MAX_CODE_POINT + 1;

  /** Two-letter names by {@link Character#getType(int)}; 17 is not in use. */
  private static final String[] CATEGORY_NAMES = {
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Me", "Mc", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc",
    "Cf", "", "Co", "Cs", "Pd", "Ps", "Pe", "Pc", "Po", "Sm", "Sc", "Sk", "So", "Pi", "Pf"
  };

  private static final Map<String, BitSet> PROPERTIES = new ConcurrentHashMap<>();

  static final CharSet WHITE_SPACE = new CharSet(property("space"));
  static final CharSet WORD = new CharSet(property("word"));

  /** What Rust's regular expressions call a word character: it adds the two joiners. */
  static final CharSet WORD_OR_JOINER = wordOrJoiner();

  private final long[] words;

  CharSet(BitSet members) {
    words = members.toLongArray();
  }

  boolean contains(int codePoint) {
    int word = codePoint >>> 6;
    return word < words.length && (words[word] >>> codePoint & 1) != 0;
  }

  private static CharSet wordOrJoiner() {
    BitSet members = (BitSet) property("word").clone();
    members.set(0x200C, 0x200E);
    return new CharSet(members);
  }

  /** Everything that is not in the set. */
  static BitSet complement(BitSet members) {
    BitSet others = (BitSet) members.clone();
    others.flip(0, ALL);
    return others;
  }

  /** The set with every character that differs from a member only in case. */
  static BitSet ignoringCase(BitSet members) {
    BitSet folded = new BitSet();
    for (int c : Cased.CODE_POINTS) {
      if (members.get(c)) {
        folded.set(fold(c));
      }
    }
    BitSet all = (BitSet) members.clone();
    for (int c : Cased.CODE_POINTS) {
      if (folded.get(fold(c))) {
        all.set(c);
      }
    }
    return all;
  }

  /**
   * The code points that have another case; all lie in the first two planes. Built when asked for.
   */
  private static final class Cased {
    static final int[] CODE_POINTS =
        IntStream.range(0, 0x20000)
            .filter(c -> Character.toLowerCase(c) != c || Character.toUpperCase(c) != c)
            .toArray();
  }

  private static int fold(int c) {
    // The dotted capital and the dotless small i have no simple case folding outside Turkish.
    boolean turkish = c == 0x130 || c == 0x131;
    return turkish ? c : Character.toLowerCase(Character.toUpperCase(c));
  }

  /**
   * The members of a Unicode property: a general category (L, Lu), a script (Han) or a class such
   * as alpha, digit, space, word; with ^ before it, all but these. Case, spaces, hyphens and
   * underscores in the name do not count.
   *
   * @return the members, not to be changed, or null if the name is unknown
   */
  static BitSet property(String name) {
    String key = name.replaceAll("[ _-]", "").toLowerCase(Locale.ROOT);
    BitSet known = PROPERTIES.get(key);
    if (known != null) {
      return known;
    }
    if (key.startsWith("^")) {
      BitSet others = property(name.substring(name.indexOf('^') + 1));
      if (others != null) {
        PROPERTIES.put(key, complement(others));
      }
      return PROPERTIES.get(key);
    }
    IntPredicate test = test(key, name);
    if (test == null) {
      return null;
    }
    BitSet members = new BitSet(ALL);
    for (int c = 0; c < ALL; c++) {
      if (test.test(c)) {
        members.set(c);
      }
    }
    PROPERTIES.put(key, members);
    return members;
  }

  private static IntPredicate test(String key, String name) {
    return switch (key) {
      case "l", "letter" -> c -> category(c, "L");
      case "lu", "uppercaseletter" -> c -> category(c, "Lu");
      case "ll", "lowercaseletter" -> c -> category(c, "Ll");
      case "lt", "titlecaseletter" -> c -> category(c, "Lt");
      case "lm", "modifierletter" -> c -> category(c, "Lm");
      case "lo", "otherletter" -> c -> category(c, "Lo");
      case "m", "mark" -> c -> category(c, "M");
      case "mn", "nonspacingmark" -> c -> category(c, "Mn");
      case "mc", "spacingmark" -> c -> category(c, "Mc");
      case "me", "enclosingmark" -> c -> category(c, "Me");
      case "n", "number" -> c -> category(c, "N");
      case "nd", "decimalnumber", "digit" -> c -> category(c, "Nd");
      case "nl", "letternumber" -> c -> category(c, "Nl");
      case "no", "othernumber" -> c -> category(c, "No");
      case "p", "punctuation" -> c -> category(c, "P");
      case "pc", "connectorpunctuation" -> c -> category(c, "Pc");
      case "pd", "dashpunctuation" -> c -> category(c, "Pd");
      case "ps", "openpunctuation" -> c -> category(c, "Ps");
      case "pe", "closepunctuation" -> c -> category(c, "Pe");
      case "pi", "initialpunctuation" -> c -> category(c, "Pi");
      case "pf", "finalpunctuation" -> c -> category(c, "Pf");
      case "po", "otherpunctuation" -> c -> category(c, "Po");
      case "s", "symbol" -> c -> category(c, "S");
      case "sm", "mathsymbol" -> c -> category(c, "Sm");
      case "sc", "currencysymbol" -> c -> category(c, "Sc");
      case "sk", "modifiersymbol" -> c -> category(c, "Sk");
      case "so", "othersymbol" -> c -> category(c, "So");
      case "z", "separator" -> c -> category(c, "Z");
      case "zs", "spaceseparator" -> c -> category(c, "Zs");
      case "zl", "lineseparator" -> c -> category(c, "Zl");
      case "zp", "paragraphseparator" -> c -> category(c, "Zp");
      case "c", "other" -> c -> category(c, "C");
      case "cc", "control", "cntrl" -> c -> category(c, "Cc");
      case "cf", "format" -> c -> category(c, "Cf");
      case "cn", "unassigned" -> c -> category(c, "Cn");
      case "co", "privateuse" -> c -> category(c, "Co");
      case "any" -> c -> true;
      case "ascii" -> c -> c < 0x80;
      case "alpha", "alphabetic" -> Character::isAlphabetic;
      case "alnum" -> c -> Character.isAlphabetic(c) || category(c, "Nd");
      case "upper", "uppercase" -> Character::isUpperCase;
      case "lower", "lowercase" -> Character::isLowerCase;
      case "space", "whitespace" -> CharSet::whiteSpace;
      case "blank" -> c -> c == '\t' || category(c, "Zs");
      case "xdigit" -> c -> c < 0x80 && Character.digit(c, 16) >= 0;
      case "word" ->
          c ->
              Character.isAlphabetic(c)
                  || category(c, "M")
                  || category(c, "Nd")
                  || category(c, "Pc");
      default -> script(name);
    };
  }

  private static IntPredicate script(String name) {
    try {
      Character.UnicodeScript script = Character.UnicodeScript.forName(name);
      return c -> Character.UnicodeScript.of(c) == script;
    } catch (IllegalArgumentException e) {
      return null; // the caller knows the pattern and can say more
    }
  }

  /** The property White_Space; Java's own methods have other ideas of white space. */
  private static boolean whiteSpace(int c) {
    return c >= '\t' && c <= '\r' || c == 0x85 || category(c, "Z");
  }

  private static boolean category(int c, String wanted) {
    String name = CATEGORY_NAMES[Character.getType(c)];
    return name.startsWith(wanted);
  }
}
