package llada.train.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import llada.tensor.RandomStreams;

/** The facts of the little world. Whatever is told of it agrees with these tables. */
final class World {
  /**
   * A kind of animal.
   *
   * @param name without article
   * @param sound what it says
   * @param home where it lives
   * @param food what it eats
   * @param legs how many
   * @param baby what its child is called
   * @param size from 1, for comparisons
   */
  record Animal(
      String name, String sound, String home, String food, int legs, String baby, int size) {}

  /**
   * Somebody.
   *
   * @param name given name
   * @param girl she, else he
   * @param pet kind of animal
   * @param petName what it is called
   * @param colour most liked
   * @param food most liked
   * @param town where the home is
   * @param job what is done all day
   */
  record Person(
      String name,
      boolean girl,
      String pet,
      String petName,
      String colour,
      String food,
      String town,
      String job) {
    String she() {
      return girl ? "she" : "he";
    }

    String her() {
      return girl ? "her" : "his";
    }
  }

  static final List<Animal> ANIMALS =
      List.of(
          new Animal("cat", "meow", "a house", "fish", 4, "kitten", 4),
          new Animal("dog", "woof", "a kennel", "bones", 4, "puppy", 5),
          new Animal("cow", "moo", "a barn", "grass", 4, "calf", 9),
          new Animal("horse", "neigh", "a stable", "hay", 4, "foal", 10),
          new Animal("duck", "quack", "a pond", "bread", 2, "duckling", 3),
          new Animal("hen", "cluck", "a coop", "corn", 2, "chick", 3),
          new Animal("sheep", "baa", "a field", "clover", 4, "lamb", 7),
          new Animal("pig", "oink", "a sty", "apples", 4, "piglet", 7),
          new Animal("frog", "ribbit", "a swamp", "flies", 4, "tadpole", 2),
          new Animal("owl", "hoo", "a tree", "mice", 2, "owlet", 3),
          new Animal("bee", "buzz", "a hive", "honey", 6, "larva", 1),
          new Animal("lion", "roar", "a savanna", "meat", 4, "cub", 8),
          new Animal("mouse", "squeak", "a hole", "cheese", 4, "pup", 2),
          new Animal("goat", "bleat", "a hill", "leaves", 4, "kid", 7),
          new Animal("wolf", "howl", "a den", "rabbits", 4, "whelp", 6),
          new Animal("elephant", "toot", "a jungle", "bananas", 4, "baby elephant", 12),
          new Animal("bear", "growl", "a cave", "berries", 4, "bear cub", 11),
          new Animal("spider", "nothing", "a web", "insects", 8, "spiderling", 1));

  static final List<String> COLOURS =
      List.of("red", "blue", "green", "yellow", "purple", "orange", "pink", "white", "brown");

  static final List<String> FOODS =
      List.of("soup", "cake", "bread", "rice", "pancakes", "pears", "cheese", "plums", "noodles");

  static final List<String> TOWNS = List.of("Riverton", "Oakhill", "Sandbay", "Greenfield");

  static final List<String> JOBS =
      List.of("baker", "teacher", "farmer", "doctor", "painter", "sailor", "gardener", "singer");

  static final List<String> OBJECTS =
      List.of("ball", "kite", "book", "hat", "lamp", "boat", "drum", "cup", "box", "key");

  static final List<String> PLACES =
      List.of("the park", "the forest", "the beach", "the garden", "the market", "the lake");

  static final List<String> DAYS =
      List.of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday");

  static final List<String> MONTHS =
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

  /** Pairs of opposites; no word stands in two of them. */
  static final List<String[]> OPPOSITES =
      List.of(
          pair("hot", "cold"),
          pair("big", "small"),
          pair("fast", "slow"),
          pair("happy", "sad"),
          pair("day", "night"),
          pair("up", "down"),
          pair("open", "closed"),
          pair("wet", "dry"),
          pair("old", "young"),
          pair("light", "dark"),
          pair("loud", "quiet"),
          pair("full", "empty"),
          pair("hard", "soft"),
          pair("early", "late"),
          pair("left", "right"),
          pair("rich", "poor"),
          pair("strong", "weak"),
          pair("long", "short"),
          pair("near", "far"),
          pair("clean", "dirty"),
          pair("good", "bad"),
          pair("thick", "thin"),
          pair("first", "last"),
          pair("inside", "outside"),
          pair("push", "pull"),
          pair("win", "lose"));

  private static final String[] GIRLS = {"Mia", "Anna", "Lily", "Emma", "Rosa", "Nora", "Zoe"};
  private static final String[] BOYS = {"Tom", "Ben", "Max", "Sam", "Leo", "Finn", "Paul"};
  private static final String[] PET_NAMES = {
    "Pip", "Luna", "Momo", "Rex", "Coco", "Bello", "Kiki", "Nibbles", "Socks", "Teddy", "Fritz",
    "Dot", "Bubbles", "Snow"
  };
  private static final List<String> PETS = List.of("cat", "dog", "duck", "hen", "mouse", "goat");

  private final List<Person> people;

  /** The people of a seed. */
  World(long seed) {
    Random random = RandomStreams.unhashed(seed);
    List<Person> all = new ArrayList<>();
    for (int i = 0; i < GIRLS.length + BOYS.length; i++) {
      boolean girl = i % 2 == 0;
      all.add(
          new Person(
              girl ? GIRLS[i / 2] : BOYS[i / 2],
              girl,
              of(PETS, random),
              PET_NAMES[i],
              of(COLOURS, random),
              of(FOODS, random),
              of(TOWNS, random),
              of(JOBS, random)));
    }
    people = List.copyOf(all);
  }

  List<Person> people() {
    return people;
  }

  private static String[] pair(String a, String b) {
    return new String[] {a, b};
  }

  static <T> T of(List<T> list, Random random) {
    return list.get(random.nextInt(list.size()));
  }

  /** With the article that its sound asks for. */
  static String a(String noun) {
    return ("aeiou".indexOf(noun.charAt(0)) >= 0 ? "an " : "a ") + noun;
  }

  static String capital(String text) {
    return Character.toUpperCase(text.charAt(0)) + text.substring(1);
  }
}
