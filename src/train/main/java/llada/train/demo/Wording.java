package llada.train.demo;

import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Pattern;

/**
 * How questions are put: a wording from the lists, and the carelessness of people who type.
 *
 * @param unseen whether the wording is one of those that are never trained
 */
record Wording(SplittableRandom random, boolean unseen) {
  private static final Sections WORDINGS = Sections.read("wordings.txt");
  private static final Pattern ASKS =
      Pattern.compile(
          "(?i)(what|which|who|where|how|when|why|is|are|can|do|does|has|could|would|will)\\b.*");
  private static final String[] NUMBERS =
      ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
              + " fifteen sixteen seventeen eighteen nineteen twenty")
          .split(" ");

  int below(int bound) {
    return random.nextInt(bound);
  }

  int between(int least, int most) {
    return least + random.nextInt(most - least + 1);
  }

  boolean oneIn(int n) {
    return random.nextInt(n) == 0;
  }

  <T> T of(List<T> list) {
    return list.get(random.nextInt(list.size()));
  }

  /** Another one of a list. */
  <T> T other(List<T> list, T than) {
    T found = of(list);
    while (found.equals(than)) {
      found = of(list);
    }
    return found;
  }

  /** A question of a section of wordings.txt; {@code slots} are names and values in turn. */
  String question(String section, Object... slots) {
    return styled(fill(pick(WORDINGS.of(section)), slots));
  }

  /** The answer of such a section. */
  static String answer(String section, Object... slots) {
    return capital(fill(WORDINGS.of(section).getFirst().substring(2), slots));
  }

  /** One of the lines to be asked now: of those that are never trained, or of the others. */
  String pick(List<String> lines) {
    while (true) {
      String line = of(lines);
      boolean held = line.startsWith("~ ");
      if (!line.startsWith("= ")
          && (held == unseen || unseen && lines.stream().noneMatch(Wording::held))) {
        return held ? line.substring(2) : line;
      }
    }
  }

  private static boolean held(String line) {
    return line.startsWith("~ ");
  }

  static String fill(String template, Object... slots) {
    String text = template;
    for (int i = 0; i < slots.length; i += 2) {
      text = text.replace("{" + slots[i] + "}", slots[i + 1].toString());
    }
    if (text.contains("{")) {
      throw new IllegalArgumentException("a slot is left in: " + text);
    }
    return text;
  }

  /** Capital and mark, or the lack of them; now and then a slip. */
  String styled(String plain) {
    String mark = ASKS.matcher(plain).matches() ? "?" : ".";
    if (plain.indexOf(". ") > 0 && Character.isUpperCase(plain.charAt(0))) {
      mark = "?"; // sentences that end in a question
    }
    if (plain.endsWith("=")
        || plain.matches(".*[0-9]{6}")
        || plain.matches(".*[?.!]")
        || plain.matches("[0-9 ,+*/x-]+")) {
      mark = "";
    }
    String text = plain;
    if (oneIn(12)) {
      text = text.replaceFirst("(?i)what is", oneIn(2) ? "whats" : "what's");
    }
    if (oneIn(16) && text.length() < 60) {
      text = inWords(text);
    }
    if (oneIn(12) && text.length() < 60) {
      text = slip(text);
    }
    if (oneIn(30)) {
      text = oneIn(2) ? text + " please" : "please " + text;
    } else if (oneIn(40)) {
      text = (oneIn(2) ? "hi, " : "hello, ") + text;
    }
    text = oneIn(3) ? text : capital(text);
    if (oneIn(4)) {
      text = text.toLowerCase(java.util.Locale.ROOT);
    } else if (oneIn(60)) {
      text = text.toUpperCase(java.util.Locale.ROOT);
    }
    return text + (oneIn(3) ? "" : oneIn(25) ? "!" : oneIn(40) ? mark + mark : mark);
  }

  /** Numbers up to twenty as words. */
  private static String inWords(String text) {
    return Pattern.compile("(?<![0-9])(1?[0-9]|20)(?![0-9])")
        .matcher(text)
        .replaceAll(found -> NUMBERS[Integer.parseInt(found.group())]);
  }

  /** A letter too few, too many, or two in the wrong order, in a word of four letters or more. */
  private String slip(String text) {
    int at = random.nextInt(text.length());
    int end = at;
    while (end < text.length() && Character.isLetter(text.charAt(end))) {
      end++;
    }
    int begin = at;
    while (begin > 0 && Character.isLetter(text.charAt(begin - 1))) {
      begin--;
    }
    if (end - begin < 4) {
      return text;
    }
    int i = between(begin + 1, end - 2);
    String middle = text.substring(i, i + 1);
    return switch (random.nextInt(3)) {
      case 0 -> text.substring(0, i) + text.substring(i + 1);
      case 1 -> text.substring(0, i) + middle + text.substring(i);
      default -> text.substring(0, i) + text.charAt(i + 1) + middle + text.substring(i + 2);
    };
  }

  static String capital(String text) {
    return text.isEmpty() ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1);
  }

  /** With the article that its sound asks for; names and what has an article stay. */
  static String a(String noun) {
    if (Character.isUpperCase(noun.charAt(0)) || noun.startsWith("the ")) {
      return noun;
    }
    return ("aeiou".indexOf(noun.charAt(0)) >= 0 && !noun.startsWith("uni") ? "an " : "a ") + noun;
  }
}
