package llada.train.demo;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import llada.train.demo.World.Animal;
import llada.train.demo.World.Person;

/** Little stories: somebody wants something, something is in the way, somebody helps. */
final class Stories {
  private final World world;

  Stories(World world) {
    this.world = world;
  }

  /**
   * What a story can be about.
   *
   * @param topic with article, as in "a story about a cat"
   * @param word that every such story holds
   */
  record Topic(String topic, String word) {}

  Topic topic(Random random) {
    return switch (random.nextInt(3)) {
      case 0 -> {
        Animal animal = World.of(World.ANIMALS, random);
        yield new Topic(World.a(animal.name()), animal.name());
      }
      case 1 -> {
        Person person = World.of(world.people(), random);
        yield new Topic(person.name(), person.name());
      }
      default -> {
        String object = World.of(World.OBJECTS, random);
        yield new Topic(World.a(object), object);
      }
    };
  }

  String about(Topic topic, Random random) {
    for (Animal animal : World.ANIMALS) {
      if (animal.name().equals(topic.word())) {
        return animal(animal, random);
      }
    }
    for (Person person : world.people()) {
      if (person.name().equals(topic.word())) {
        return lost(person, World.of(World.OBJECTS, random), random);
      }
    }
    return lost(World.of(world.people(), random), topic.word(), random);
  }

  private static String one(Random random, String... choices) {
    return choices[random.nextInt(choices.length)];
  }

  /** An animal is hungry, meets another, and they share. */
  private String animal(Animal hero, Random random) {
    Animal friend = World.of(World.ANIMALS, random);
    while (friend.equals(hero)) {
      friend = World.of(World.ANIMALS, random);
    }
    String place = World.of(World.PLACES, random);
    String mood = one(random, "little", "brave", "kind", "funny", "shy");
    StringBuilder story = new StringBuilder();
    story.append(
        one(
                random,
                "Once upon a time there was %s %s. It lived in %s. ",
                "There was once %s %s that lived in %s. ")
            .formatted("a " + mood, hero.name(), hero.home()));
    story.append(
        "One day the %s was hungry and wanted some %s. ".formatted(hero.name(), hero.food()));
    story.append("It went to %s, but there were none to be found. ".formatted(place));
    if (!hero.sound().equals("nothing")) {
      story.append("\"%s!\" said the %s. ".formatted(World.capital(hero.sound()), hero.name()));
    }
    story.append("Then %s came by. ".formatted(World.a(friend.name())));
    story.append(
        "The %s knew a good place and showed the %s where to find %s. "
            .formatted(friend.name(), hero.name(), hero.food()));
    story.append(
        one(
                random,
                "They ate together and were happy.",
                "From that day on the %s and the %s were friends.",
                "The %s thanked the %s and went home before night.")
            .formatted(hero.name(), friend.name()));
    return story.toString();
  }

  /** Somebody loses something, and the pet or a friend finds it. */
  private String lost(Person hero, String object, Random random) {
    String place = World.of(World.PLACES, random);
    Person friend = World.of(world.people(), random);
    while (friend.equals(hero)) {
      friend = World.of(world.people(), random);
    }
    String colour = World.of(World.COLOURS, random);
    boolean pet = random.nextBoolean();
    String weather = one(random, "sunny", "rainy", "windy", "cold", "warm");
    StringBuilder story = new StringBuilder();
    story.append("It was a %s %s. ".formatted(weather, one(random, "day", "morning", "afternoon")));
    story.append(
        "%s went to %s with %s %s %s. ".formatted(hero.name(), place, hero.her(), colour, object));
    if (pet) {
      story.append(
          "%s %s %s came along. ".formatted(World.capital(hero.her()), hero.pet(), hero.petName()));
    }
    story.append(
        random.nextBoolean()
            ? "But soon the %s was gone. ".formatted(object)
            : "Then %s could not find the %s. ".formatted(hero.she(), object));
    story.append("%s was sad and looked everywhere. ".formatted(World.capital(hero.she())));
    String finder = pet ? hero.petName() : friend.name();
    story.append(
        "%s found the %s %s %s. "
            .formatted(
                finder,
                object,
                one(random, "under", "behind", "near"),
                one(random, "a tree", "a bench", "a big stone")));
    story.append(
        one(
                random,
                "%s was happy again and went home to eat %s.",
                "\"Thank you!\" said %s, and they had some %s together.")
            .formatted(hero.name(), hero.food()));
    return story.toString();
  }

  /** A few true sentences about somebody or some animal. */
  String facts(Random random) {
    if (random.nextBoolean()) {
      Animal a = World.of(World.ANIMALS, random);
      List<String> all =
          List.of(
              "%s lives in %s.".formatted(World.capital(World.a(a.name())), a.home()),
              "%s eats %s.".formatted(World.capital(World.a(a.name())), a.food()),
              "%s has %d legs.".formatted(World.capital(World.a(a.name())), a.legs()),
              "%s says %s.".formatted(World.capital(World.a(a.name())), a.sound()),
              "The child of %s is called %s.".formatted(World.a(a.name()), World.a(a.baby())));
      return some(all, random);
    }
    Person p = World.of(world.people(), random);
    List<String> all =
        List.of(
            "%s lives in %s.".formatted(p.name(), p.town()),
            "%s's favourite colour is %s.".formatted(p.name(), p.colour()),
            "%s likes to eat %s.".formatted(p.name(), p.food()),
            "%s has %s called %s.".formatted(p.name(), World.a(p.pet()), p.petName()),
            "%s is %s.".formatted(p.name(), World.a(p.job())));
    return some(all, random);
  }

  private static String some(List<String> all, Random random) {
    List<String> chosen = new ArrayList<>(all);
    Collections.shuffle(chosen, random);
    return String.join(" ", chosen.subList(0, 2 + random.nextInt(all.size() - 1)));
  }
}
