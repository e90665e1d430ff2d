package llada.train.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import llada.train.demo.World.Animal;
import llada.train.demo.World.Person;

/** Questions and their answers. */
final class Questions {
  private final World world;
  private final Stories stories;

  Questions(World world, Stories stories) {
    this.world = world;
    this.stories = stories;
  }

  /**
   * A question.
   *
   * @param key what it asks for, however it is put: held-out keys are never trained on
   * @param mark what a good answer holds, for stories; else null: the answer must be exact
   */
  record Question(Skill skill, String key, String question, String answer, String mark) {}

  Question ask(Skill skill, Random random) {
    return switch (skill) {
      case ARITHMETIC -> arithmetic(random);
      case COUNTING -> counting(random);
      case OPPOSITES -> opposites(random);
      case ANIMALS -> animals(random);
      case PEOPLE -> people(random);
      case COMPLETING -> completing(random);
      case COMPARING -> comparing(random);
      case READING -> reading(random);
      case STORIES -> story(random);
    };
  }

  private static Question exact(Skill skill, String key, String question, String answer) {
    return new Question(skill, key, question, answer, null);
  }

  private static String one(Random random, String... choices) {
    return choices[random.nextInt(choices.length)];
  }

  private static Question arithmetic(Random random) {
    boolean plus = random.nextBoolean();
    int a = random.nextInt(21);
    int b = random.nextInt(plus ? 21 : a + 1);
    String word = plus ? "plus" : "minus";
    return exact(
        Skill.ARITHMETIC,
        a + word + b,
        one(random, "What is %d %s %d?", "How much is %d %s %d?").formatted(a, word, b),
        "%d %s %d is %d.".formatted(a, word, b, plus ? a + b : a - b));
  }

  private static Question counting(Random random) {
    int from = random.nextInt(30);
    int length = 3 + random.nextInt(7);
    if (random.nextInt(3) == 0) {
      boolean after = random.nextBoolean();
      int number = 1 + random.nextInt(98);
      String side = after ? "after" : "before";
      return exact(
          Skill.COUNTING,
          side + number,
          "Which number comes %s %d?".formatted(side, number),
          "%d comes %s %d.".formatted(after ? number + 1 : number - 1, side, number));
    }
    boolean back = random.nextInt(3) == 0;
    List<String> numbers =
        IntStream.rangeClosed(0, length)
            .mapToObj(i -> Integer.toString(back ? from + length - i : from + i))
            .collect(Collectors.toCollection(ArrayList::new));
    return exact(
        Skill.COUNTING,
        numbers.getFirst() + "to" + numbers.getLast(),
        "Count from %s to %s.".formatted(numbers.getFirst(), numbers.getLast()),
        String.join(", ", numbers) + ".");
  }

  private static Question opposites(Random random) {
    String[] pair = World.of(World.OPPOSITES, random);
    int which = random.nextInt(2);
    int form = random.nextInt(3);
    String[] forms = {
      "What is the opposite of %s?", "Tell me the opposite of %s.", "%s is the opposite of what?"
    };
    String word = pair[which];
    return exact(
        Skill.OPPOSITES,
        form + word,
        World.capital(forms[form].formatted(word)),
        "The opposite of %s is %s.".formatted(word, pair[1 - which]));
  }

  private static Question animals(Random random) {
    Animal a = World.of(World.ANIMALS, random);
    String name = World.a(a.name());
    String who = World.capital(name);
    int form = random.nextInt(8);
    String question =
        switch (form) {
          case 0 -> "What does %s say?";
          case 1 -> "What sound does %s make?";
          case 2 -> "Where does %s live?";
          case 3 -> "What is the home of %s?";
          case 4 -> "What does %s eat?";
          case 5 -> "What does %s like to eat?";
          case 6 -> "How many legs has %s?";
          default -> "How many legs does %s have?";
        };
    String answer =
        switch (form / 2) {
          case 0 -> "%s says %s.".formatted(who, a.sound());
          case 1 -> "%s lives in %s.".formatted(who, a.home());
          case 2 -> "%s eats %s.".formatted(who, a.food());
          default -> "%s has %d legs.".formatted(who, a.legs());
        };
    return exact(Skill.ANIMALS, form + a.name(), question.formatted(name), answer);
  }

  private Question people(Random random) {
    Person p = World.of(world.people(), random);
    int form = random.nextInt(8);
    String question =
        switch (form) {
          case 0 -> "Where does %s live?";
          case 1 -> "In which town does %s live?";
          case 2 -> "What is %s's favourite colour?";
          case 3 -> "Which colour does %s like most?";
          case 4 -> "What does %s like to eat?";
          case 5 -> "What is %s's favourite food?";
          case 6 -> "What is the name of %s's pet?";
          default -> "What pet has %s?";
        };
    String answer =
        switch (form / 2) {
          case 0 -> "%s lives in %s.".formatted(p.name(), p.town());
          case 1 -> "%s's favourite colour is %s.".formatted(p.name(), p.colour());
          case 2 -> "%s likes to eat %s.".formatted(p.name(), p.food());
          default -> "%s has %s called %s.".formatted(p.name(), World.a(p.pet()), p.petName());
        };
    return exact(Skill.PEOPLE, form + p.name(), question.formatted(p.name()), answer);
  }

  private static Question completing(Random random) {
    if (random.nextBoolean()) {
      int step = 1 + random.nextInt(5);
      int from = random.nextInt(20);
      String shown = "%d, %d, %d".formatted(from, from + step, from + 2 * step);
      return exact(
          Skill.COMPLETING,
          shown,
          "Complete: %s, ...".formatted(shown),
          "%s, %d, %d.".formatted(shown, from + 3 * step, from + 4 * step));
    }
    boolean days = random.nextBoolean();
    List<String> list = days ? World.DAYS : World.MONTHS;
    int at = random.nextInt(list.size());
    int form = random.nextInt(3);
    String next = list.get((at + 1) % list.size());
    String[] forms = {"Which %s comes after %s?", "What comes after %2$s?", "Complete: %2$s, ..."};
    return exact(
        Skill.COMPLETING,
        form + list.get(at),
        forms[form].formatted(days ? "day" : "month", list.get(at)),
        form == 2
            ? "%s, %s.".formatted(list.get(at), next)
            : "%s comes after %s.".formatted(next, list.get(at)));
  }

  private static Question comparing(Random random) {
    if (random.nextBoolean()) {
      int a = random.nextInt(100);
      int b = random.nextInt(99);
      b += b >= a ? 1 : 0;
      return exact(
          Skill.COMPARING,
          a + "or" + b,
          "Which is more, %d or %d?".formatted(a, b),
          "%d is more than %d.".formatted(Math.max(a, b), Math.min(a, b)));
    }
    Animal a = World.of(World.ANIMALS, random);
    Animal b = World.of(World.ANIMALS, random);
    while (a.size() == b.size()) {
      b = World.of(World.ANIMALS, random);
    }
    boolean bigger = random.nextBoolean();
    Animal answer = a.size() > b.size() == bigger ? a : b;
    Animal other = answer.equals(a) ? b : a;
    String word = bigger ? "bigger" : "smaller";
    return exact(
        Skill.COMPARING,
        word + a.name() + b.name(),
        "Which is %s, %s or %s?".formatted(word, World.a(a.name()), World.a(b.name())),
        "%s is %s than %s."
            .formatted(World.capital(World.a(answer.name())), word, World.a(other.name())));
  }

  /** Things change hands or places; the question is about the end. */
  private Question reading(Random random) {
    Person a = World.of(world.people(), random);
    Person b = World.of(world.people(), random);
    while (a.equals(b)) {
      b = World.of(world.people(), random);
    }
    String object = World.of(World.OBJECTS, random);
    String colour = World.of(World.COLOURS, random);
    String text = "%s has %s %s. ".formatted(a.name(), World.a(colour), object);
    String question;
    String answer;
    switch (random.nextInt(4)) {
      case 0 -> {
        text += "%s gives it to %s. ".formatted(World.capital(a.she()), b.name());
        question = "Who has the %s now?".formatted(object);
        answer = "%s has the %s.".formatted(b.name(), object);
      }
      case 1 -> {
        text += "%s has %s. ".formatted(b.name(), other(object, random));
        question = "Who has the %s?".formatted(object);
        answer = "%s has the %s.".formatted(a.name(), object);
      }
      case 2 -> {
        text += "%s goes to %s. ".formatted(b.name(), World.of(World.PLACES, random));
        question = "Which colour has the %s?".formatted(object);
        answer = "The %s is %s.".formatted(object, colour);
      }
      default -> {
        String place = World.of(World.PLACES, random);
        text += "%s takes it to %s. ".formatted(World.capital(a.she()), place);
        question = "Where is the %s?".formatted(object);
        answer = "The %s is at %s.".formatted(object, place);
      }
    }
    return exact(Skill.READING, text + question, text + question, answer);
  }

  private static String other(String object, Random random) {
    String found = World.of(World.OBJECTS, random);
    while (found.equals(object)) {
      found = World.of(World.OBJECTS, random);
    }
    return World.a(found);
  }

  private Question story(Random random) {
    Stories.Topic topic = stories.topic(random);
    int form = random.nextInt(3);
    String[] forms = {
      "Write a story about %s.",
      "Tell me a story about %s.",
      "Please write a little story about %s."
    };
    return new Question(
        Skill.STORIES,
        form + topic.word(),
        forms[form].formatted(topic.topic()),
        stories.about(topic, random),
        topic.word());
  }
}
