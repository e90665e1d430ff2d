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

  /** Built when asked for: each takes a look at every code point, and few patterns need them. */
  static final class Words {
    static final CharSet WORD = new CharSet(property("word"));

    /** What Rust's regular expressions call a word character: it adds the two joiners. */
    static final CharSet WORD_OR_JOINER = wordOrJoiner();

    private Words() {}
  }

  static final CharSet WHITE_SPACE = new CharSet(property("space"));

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
    for (int c = 0; c < ALL; ) {
      int end = endOfAlike(c);
      members.set(c, end, test.test(c));
      c = end;
    }
    PROPERTIES.put(key, members);
    return members;
  }

  /** Most code points are in no use or for private use, and have the properties of the first. */
  private static int endOfAlike(int c) {
    return switch (c) {
      case 0x40000 -> 0xE0000;
      case 0xF0000, 0x100000 -> c + 0xFFFE;
      default -> c + 1;
    };
  }

  private static IntPredicate test(String key, String name) {
    return switch (key) {
      case "l", "letter" -> category("L");
      case "lu", "uppercaseletter" -> category("Lu");
      case "ll", "lowercaseletter" -> category("Ll");
      case "lt", "titlecaseletter" -> category("Lt");
      case "lm", "modifierletter" -> category("Lm");
      case "lo", "otherletter" -> category("Lo");
      case "m", "mark" -> category("M");
      case "mn", "nonspacingmark" -> category("Mn");
      case "mc", "spacingmark" -> category("Mc");
      case "me", "enclosingmark" -> category("Me");
      case "n", "number" -> category("N");
      case "nd", "decimalnumber", "digit" -> category("Nd");
      case "nl", "letternumber" -> category("Nl");
      case "no", "othernumber" -> category("No");
      case "p", "punctuation" -> category("P");
      case "pc", "connectorpunctuation" -> category("Pc");
      case "pd", "dashpunctuation" -> category("Pd");
      case "ps", "openpunctuation" -> category("Ps");
      case "pe", "closepunctuation" -> category("Pe");
      case "pi", "initialpunctuation" -> category("Pi");
      case "pf", "finalpunctuation" -> category("Pf");
      case "po", "otherpunctuation" -> category("Po");
      case "s", "symbol" -> category("S");
      case "sm", "mathsymbol" -> category("Sm");
      case "sc", "currencysymbol" -> category("Sc");
      case "sk", "modifiersymbol" -> category("Sk");
      case "so", "othersymbol" -> category("So");
      case "z", "separator" -> category("Z");
      case "zs", "spaceseparator" -> category("Zs");
      case "zl", "lineseparator" -> category("Zl");
      case "zp", "paragraphseparator" -> category("Zp");
      case "c", "other" -> category("C");
      case "cc", "control", "cntrl" -> category("Cc");
      case "cf", "format" -> category("Cf");
      case "cn", "unassigned" -> category("Cn");
      case "co", "privateuse" -> category("Co");
      case "any" -> c -> true;
      case "ascii" -> c -> c < 0x80;
      case "alpha", "alphabetic" -> Character::isAlphabetic;
      case "alnum" -> category("Nd").or(Character::isAlphabetic);
      case "upper", "uppercase" -> Character::isUpperCase;
      case "lower", "lowercase" -> Character::isLowerCase;
      case "space", "whitespace" -> category("Z").or(CharSet::controlSpace);
      case "blank" -> category("Zs").or(c -> c == '\t');
      case "xdigit" -> c -> c < 0x80 && Character.digit(c, 16) >= 0;
      case "word" ->
          category("M").or(category("Nd")).or(category("Pc")).or(Character::isAlphabetic);
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

  /** The rest of White_Space besides the separators; Java's own methods have other ideas of it. */
  private static boolean controlSpace(int c) {
    return c >= '\t' && c <= '\r' || c == 0x85;
  }

  /** The characters whose category's name begins so. */
  private static IntPredicate category(String wanted) {
    int mask = 0;
    for (int type = 0; type < CATEGORY_NAMES.length; type++) {
      mask |= CATEGORY_NAMES[type].startsWith(wanted) ? 1 << type : 0;
    }
    int wantedTypes = mask;
    return c -> (wantedTypes >>> Character.getType(c) & 1) != 0;
  }
}
