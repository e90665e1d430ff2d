package llada.train.demo;

import static llada.train.demo.Wording.a;
import static llada.train.demo.Wording.answer;
import static llada.train.demo.Wording.capital;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What is known of the little world: animals, opposites, people, plain facts, and what is not. */
final class Knowledge {
  static final Sections WORDS = Sections.read("words.txt");
  static final List<Animal> ANIMALS = WORDS.rows("animals").stream().map(Animal::of).toList();
  static final List<Person> PEOPLE = people();
  static final String UNKNOWN = "I do not know that.";

  private static final Sections PHRASES = Sections.read("phrases.txt");
  private static final Sections OUTSIDE = Sections.read("outside.txt");
  private static final List<String[]> OPPOSITES = opposites();
  private static final List<String> FACES = List.of("sound", "home", "food", "legs", "baby");
  private static final List<String> DAYS =
      List.of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday");
  private static final List<String> MONTHS =
      List.of(
          "January",
          "February",
          "March",
          "April",
          "May",
          "June",
          "July",
          "August",
          "September",
          "October",
          "November",
          "December");
  private static final List<String> LETTERS = List.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ".split(""));
  private static final String UNKNOWN_SOUND = "-";

  private Knowledge() {}

  /** A kind of animal; see words.txt. */
  record Animal(String name, String plural, Map<String, String> facts, int size) {
    static Animal of(String[] f) {
      return new Animal(
          f[0],
          f[1],
          Map.of(
              "sound",
              f[2],
              "home",
              f[3],
              "food",
              f[4],
              "legs",
              f[5],
              "baby",
              f[6].equals(UNKNOWN_SOUND) ? f[6] : a(f[6]),
              "kind",
              a(f[8]),
              "fly",
              f[9],
              "swim",
              f[10]),
          Integer.parseInt(f[7]));
    }

    boolean has(String fact) {
      return !facts.get(fact).equals(UNKNOWN_SOUND);
    }

    int legs() {
      return Integer.parseInt(facts.get("legs"));
    }
  }

  /**
   * Somebody; no two have the same name, nor the same job in the same town.
   *
   * @param reversed whether it is never trained to ask for the name by job and town
   */
  record Person(String name, String job, String town, boolean reversed) {
    Object[] slots() {
      return new Object[] {"name", name, "job", job, "town", town};
    }

    /** The one sentence that is told of everybody, always in this direction. */
    String told() {
      return answer("person.who", slots());
    }
  }

  private static List<Person> people() {
    List<Person> all = new ArrayList<>();
    List<String> lasts = WORDS.of("last names");
    List<String[]> firsts = WORDS.rows("first names");
    for (int i = 0; i < 240; i++) { // 20 first names: each with twelve last names, jobs, towns
      String first = firsts.get(i % 20)[0];
      int round = i / 20;
      String last = lasts.get((7 * (i % 20) + round) % 20);
      String job = WORDS.of("jobs").get((3 * (i % 20) + 7 * round) % 20);
      String town = WORDS.of("towns").get((9 * (i % 20) + 2 * round) % 20);
      all.add(new Person(first + " " + last, job, town, i % 2 == 1));
    }
    return List.copyOf(all);
  }

  private static List<String[]> opposites() {
    List<String[]> all = new ArrayList<>();
    for (String line : WORDS.of("opposites")) {
      String[] pair = line.split("[|>]");
      all.add(pair);
      if (line.contains("|")) {
        all.add(new String[] {pair[1], pair[0]});
      }
    }
    return List.copyOf(all);
  }

  static Exchange opposite(Wording w) {
    String[] pair = w.of(OPPOSITES);
    return opposite(w, pair, "opposite");
  }

  private static Exchange opposite(Wording w, String[] pair, String section) {
    return new Exchange(
        Subject.OPPOSITES,
        "",
        w.question(section, "a", pair[0]),
        answer("opposite", "a", pair[0], "b", pair[1]));
  }

  private static Animal having(Wording w, String fact) {
    Animal animal = w.of(ANIMALS);
    while (!animal.has(fact)) {
      animal = w.of(ANIMALS);
    }
    return animal;
  }

  static Exchange animal(Wording w) {
    return switch (w.below(12)) {
      case 0 -> {
        boolean fly = w.oneIn(2);
        yield able(w, w.of(ANIMALS), fly ? "fly" : "swim");
      }
      case 1 -> fact(w, w.of(ANIMALS), "kind", "animal.kind");
      case 2 -> {
        Animal animal = having(w, "sound");
        String sound = animal.facts.get("sound");
        // Of several with one sound the first is named.
        Animal first =
            ANIMALS.stream().filter(x -> x.facts.get("sound").equals(sound)).findFirst().get();
        Object[] slots = {"c", sound, "A", capital(a(first.name))};
        yield asked("animal.who", w, slots);
      }
      case 3 -> {
        Animal animal = having(w, "baby");
        String baby = animal.facts.get("baby");
        Animal first =
            ANIMALS.stream().filter(x -> x.facts.get("baby").equals(baby)).findFirst().get();
        String bare = baby.replaceFirst("^an? ", "");
        yield asked(
            "animal.parent", w, "c", baby, "C", capital(baby), "bare", bare, "n", first.name);
      }
      case 4 -> {
        int legs = w.of(List.of(2, 4, 6, 8, 0, 10));
        Animal first = ANIMALS.stream().filter(x -> x.legs() == legs).findFirst().get();
        yield asked("animal.haslegs", w, "c", legs, "A", capital(a(first.name)));
      }
      default -> {
        String fact = w.of(FACES);
        yield fact(w, having(w, fact), fact, "animal." + fact);
      }
    };
  }

  private static Exchange asked(String section, Wording w, Object... slots) {
    return new Exchange(Subject.ANIMALS, "", w.question(section, slots), answer(section, slots));
  }

  private static Object[] slots(Animal animal, String value) {
    return new Object[] {
      "a",
      a(animal.name),
      "A",
      capital(a(animal.name)),
      "n",
      animal.name,
      "s",
      animal.plural,
      "c",
      value
    };
  }

  private static Exchange fact(Wording w, Animal animal, String fact, String section) {
    Object[] slots = slots(animal, animal.facts.get(fact));
    return new Exchange(
        Subject.ANIMALS, "", w.question(section, slots), answer("animal." + fact, slots));
  }

  private static Exchange able(Wording w, Animal animal, String what) {
    boolean can = animal.facts.get(what).equals("yes");
    String said =
        "%s, %s %s %s.".formatted(can ? "Yes" : "No", a(animal.name), can ? "can" : "cannot", what);
    String question = w.question("animal." + what, slots(animal, ""));
    return new Exchange(Subject.ANIMALS, "", question, said);
  }

  /** Animals beside each other. */
  static Exchange comparison(Wording w) {
    Animal x = w.of(ANIMALS);
    Animal y = w.other(ANIMALS, x);
    if (w.oneIn(4) && x.legs() != y.legs()) {
      String more = a((x.legs() > y.legs() ? x : y).name);
      return Numbers.compared(w, "compare.legs", "", "a", a(x.name), "b", a(y.name), "c", more);
    }
    if (Math.abs(x.size - y.size) < 8) {
      return comparison(w);
    }
    if (w.oneIn(4)) {
      boolean heavy = w.oneIn(2);
      String c = a((x.size > y.size == heavy ? x : y).name);
      Object[] slots = {"a", a(x.name), "b", a(y.name), "c", c};
      return Numbers.compared(w, heavy ? "compare.heavier" : "compare.lighter", "", slots);
    }
    String key = x.name.compareTo(y.name) < 0 ? x.name + " " + y.name : y.name + " " + x.name;
    Exchange made = Numbers.compare(w, x.size, y.size, w.oneIn(2), a(x.name), a(y.name));
    return new Exchange(made.subject(), key, made.turns(), made.answer());
  }

  static Exchange person(Wording w, boolean reverse) {
    Person person = w.of(PEOPLE);
    if (!reverse) {
      return new Exchange(
          Subject.PEOPLE, "", w.question("person.who", person.slots()), person.told());
    }
    while (person.reversed) {
      person = w.of(PEOPLE);
    }
    return new Exchange(
        Subject.PEOPLE, "", w.question("person.reverse", person.slots()), person.told());
  }

  /** Who does what where, asked of those of whom only the other direction is trained. */
  static Exchange reversal(Wording w) {
    Person person = w.of(PEOPLE);
    while (!person.reversed) {
      person = w.of(PEOPLE);
    }
    String question = w.question("person.reverse", person.slots());
    return new Exchange(Subject.REVERSAL, "", question, person.told());
  }

  /** Of what comes in an order: days, months, letters. */
  private static Exchange calendar(Wording w, boolean followed) {
    int which = w.below(3);
    List<String> all = List.of(DAYS, MONTHS, LETTERS).get(which);
    boolean after = followed || w.below(3) > 0;
    String section = List.of("day", "month", "letter").get(which) + (after ? ".after" : ".before");
    int i = which < 2 ? w.below(all.size()) : after ? w.below(25) : w.between(1, 25);
    String found = all.get((i + (after ? 1 : all.size() - 1)) % all.size());
    Object[] slots = {"a", all.get(i), "c", found};
    Exchange made =
        new Exchange(Subject.FACTS, "", w.question(section, slots), answer(section, slots));
    if (!followed) {
      return made;
    }
    int j = w.below(all.size() - 1);
    Object[] next = {"a", all.get(j), "c", all.get(j + 1)};
    return new Exchange(Subject.FACTS, "", w.question("after.follow", next), answer(section, next))
        .after(made);
  }

  static Exchange fact(Wording w) {
    return w.oneIn(3) ? calendar(w, false) : phrase(w, "fact", Subject.FACTS);
  }

  static Exchange social(Wording w) {
    return phrase(w, "social", Subject.SOCIAL);
  }

  /** A question of phrases.txt: the answer is the last line before it that begins with "=". */
  private static Exchange phrase(Wording w, String section, Subject subject) {
    List<String> lines = PHRASES.of(section);
    while (true) {
      int i = w.below(lines.size());
      String line = lines.get(i);
      if (!line.startsWith("= ") && line.startsWith("~ ") == w.unseen()) {
        int from = i;
        while (!lines.get(from).startsWith("= ")) {
          from--;
        }
        String asked = w.styled(line.replaceFirst("^~ ", ""));
        return new Exchange(subject, "", asked, lines.get(from).substring(2));
      }
    }
  }

  /** What is not known. */
  static Exchange outside(Wording w) {
    String line = w.pick(OUTSIDE.of(w.oneIn(4) ? "single" : "questions"));
    String asked = line;
    while (asked.contains("{")) {
      String slot = asked.substring(asked.indexOf('{') + 1, asked.indexOf('}'));
      asked = asked.replaceFirst("\\{" + slot + "}", filler(w, slot));
    }
    String key = line.equals(asked) || w.unseen() ? "" : asked;
    return new Exchange(Subject.OUTSIDE, key, w.styled(asked), UNKNOWN);
  }

  private static String filler(Wording w, String slot) {
    return switch (slot) {
      case "big" -> Integer.toString(w.between(11, 999));
      case "huge" -> Integer.toString(w.between(1000, 99_999));
      case "percent" -> Integer.toString(w.between(1, 99));
      case "pseudo" -> pseudo(w);
      case "Pseudo" -> capital(pseudo(w));
      case "job" -> w.of(WORDS.of("jobs"));
      case "things" -> w.of(WORDS.of("things"));
      default -> w.of(OUTSIDE.of(slot));
    };
  }

  /** A word that there is not. */
  static String pseudo(Wording w) {
    StringBuilder word = new StringBuilder();
    for (int i = w.between(2, 3); i > 0; i--) {
      word.append("bcdfghjklmnprstvwz".charAt(w.below(18))).append("aeiou".charAt(w.below(5)));
    }
    return word.append(w.oneIn(2) ? "" : String.valueOf("klmnrst".charAt(w.below(7)))).toString();
  }

  /** Sentences and a question about them; each is as good as new. */
  static Exchange reading(Wording w) {
    String kind =
        w.of(List.of("colour", "who", "what", "where", "eats", "more", "less", "older", "taller"));
    List<String[]> names = WORDS.rows("first names");
    String[] n = w.of(names);
    String o = w.of(WORDS.of("objects").subList(0, 24));
    String c = w.of(WORDS.of("colours"));
    String p = w.of(WORDS.of("places"));
    String f = w.of(WORDS.of("foods"));
    boolean less = kind.equals("less");
    int x = w.between(2, 20);
    int y = less || kind.equals("older") ? w.between(1, x - 1) : w.between(1, 20);
    Object[] slots = {
      "n",
      n[0],
      "m",
      w.other(names, n)[0],
      "o",
      o,
      "q",
      w.other(WORDS.of("objects").subList(0, 24), o),
      "c",
      c,
      "k",
      w.other(WORDS.of("colours"), c),
      "p",
      p,
      "r",
      w.other(WORDS.of("places"), p),
      "f",
      f,
      "g",
      w.other(WORDS.of("foods"), f),
      "t",
      w.of(WORDS.of("things")),
      "x",
      x,
      "y",
      y,
      "z",
      less ? x - y : x + y
    };
    String section = "reading." + kind;
    String question = articles(w.question(section, slots));
    String answer = articles(answer(section, slots));
    return new Exchange(
        Subject.READING, question.toLowerCase(java.util.Locale.ROOT), question, answer);
  }

  static String articles(String text) {
    return text.replaceAll("\\b([aA]) (?=[aeio]|um)", "$1n ");
  }

  /** A question about the world, and one that goes on from it. */
  static Exchange followUp(Wording w, Wording plain) {
    return switch (w.below(7)) {
      case 0, 1, 2 -> {
        String fact = w.of(FACES);
        Animal first = having(w, fact);
        Exchange before = fact(plain, first, fact, "animal." + fact);
        yield fact(
                w,
                w.other(ANIMALS.stream().filter(x -> x.has(fact)).toList(), first),
                fact,
                "animal.follow")
            .after(before);
      }
      case 3, 4 -> {
        Animal animal = w.of(ANIMALS);
        List<String> known = FACES.stream().filter(animal::has).toList();
        String fact = w.of(known);
        String next = w.other(known, fact);
        yield fact(w, animal, next, "animal.it." + next)
            .after(fact(plain, animal, fact, "animal." + fact));
      }
      case 5 -> {
        String[] first = w.of(OPPOSITES);
        yield opposite(w, w.other(OPPOSITES, first), "opposite.follow")
            .after(opposite(plain, first, "opposite"));
      }
      default -> calendar(w, true);
    };
  }
}
